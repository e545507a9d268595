"""Failures of a phase, classified by its exit code and the end of its log."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from service.adapters.kubernetes.credentials.certificates import NO_CERTIFICATE
from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.diagnosis.missing_program import missing_program
from service.adapters.kubernetes.diagnosis.registry_messages import OF_REGISTRY
from service.adapters.kubernetes.diagnosis.smoke import smoke_failure
from service.adapters.kubernetes.manifests.cache import PREPARE, cache_failure
from service.adapters.kubernetes.manifests.clone import (
    COMMIT_GONE,
    CONTEXT_MISSING,
    FETCH_FAILED,
    LFS_FAILED,
    MARK,
    SUBMODULES_FAILED,
)
from service.adapters.kubernetes.manifests.containers import SOURCE
from service.adapters.kubernetes.manifests.smoke import SMOKE
from service.adapters.kubernetes.oci.builder_image import EXTENDS
from service.adapters.kubernetes.status.phases import PhaseRun
from service.build_failures.classify import classify, last_message, match_rules
from service.build_failures.indexes.unfound import is_doubtful
from service.build_failures.messages import OF_MACHINE
from service.domain.building.failure import Failure, FailureClass

__all__ = ["phase_failure"]

_MARKED: Final = re.compile(rf"{re.escape(MARK)}(?P<word>\w+): (?P<why>.*)")
_PRIVATE: Final = re.compile(
    r"could not read Username|Authentication failed|terminal prompts disabled"
    r"|returned error: 40[13]"
)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ERROR: Final = re.compile(r"^( +)(?:ERROR|error|Because|Error):? ", re.MULTILINE)
_COLLECTED: Final = re.compile(
    r"^[ \t]*(?:Collecting|Processing) .*\(from -r (?P<path>\S+) \(line "
    r"(?P<line>\d+)\)\)",
    re.MULTILINE,
)
_NO_GROUP: Final = 20
_GROUP_WITH_ERRORS: Final = 21
"""https://github.com/buildpacks/spec/blob/main/platform.md#detector"""
_OTHER_API: Final = frozenset({11, 12})
"""https://github.com/buildpacks/spec/blob/main/platform.md#exit-codes"""
_BY_TENS: Final[Mapping[int, str]] = {
    2: "detect",
    3: "analyze",
    4: "restore",
    5: "build",
    6: "export",
}
"""Which phase a `creator` failed in, by its exit code."""
_EXTENSIONS: Final = re.compile(r"requested experimental feature 'Dockerfiles'")
"""The error of a lifecycle that meets image extensions, before platform API 0.13 (its
`GuardExperimental`); later ones run them, and do not extend the image."""
_OPERATOR_HINT: Final = "an operator has to fix this; the build is retried"


def phase_failure(evidence: FailureEvidence) -> Failure | None:
    """Return why the failed phase failed; None when no phase did."""
    run = evidence.failed
    if run is None:
        return None
    # The message stands in when the log is gone with its node; it has the last lines
    # (`FallbackToLogsOnError`).
    output = _strip_colours(evidence.log or run.message)
    if run.name != SMOKE and (failure := missing_program(run, output)):
        return failure
    classify_phase = _CLASSIFIERS.get(_phase_name(run, output), _lifecycle_failure)
    return classify_phase(evidence, run, output)


def _phase_name(run: PhaseRun, output: str) -> str:
    if run.name != "creator":
        return run.name
    # Registry access is checked before the first phase, with a generic exit code.
    if (run.exit_code or 0) < 20 and "registry read" in output:  # noqa: PLR2004 - as in _BY_TENS
        return "analyze"
    return _BY_TENS.get((run.exit_code or 0) // 10, run.name)


def _clone_failure(evidence: FailureEvidence, run: PhaseRun, output: str) -> Failure:
    marks = tuple(_MARKED.finditer(output))
    if not marks:
        return _classify_output(evidence, run, output, phase="clone")
    word, why = marks[-1]["word"], marks[-1]["why"]
    match word:
        case _ if word == FETCH_FAILED:
            return _fetch_failure(evidence, run, output[: marks[-1].start()])
        case _ if word == CONTEXT_MISSING:
            kind, hint = FailureClass.NO_DEFINITION, "check the context directory"
        case _ if word == COMMIT_GONE:
            kind = FailureClass.CLONE_FAILED
            hint = "push again; a force push may have removed it"
        case _ if word == SUBMODULES_FAILED:
            kind = FailureClass.CLONE_FAILED
            hint = "the submodule was removed, or is private"
        case _ if word == NO_CERTIFICATE:
            kind, hint = FailureClass.MISSING_RESOURCE, _OPERATOR_HINT
        case _ if word == LFS_FAILED:
            kind = FailureClass.CLONE_FAILED
            hint = "the files may have been removed, or the LFS quota is used up"
        case _:
            kind, hint = FailureClass.UNKNOWN, ""
    return match_rules(output, OF_MACHINE, {}) or Failure(
        kind=kind, message=why, hint=hint
    )


def _fetch_failure(evidence: FailureEvidence, run: PhaseRun, output: str) -> Failure:
    # Forges answer the same for a private and for a missing repository, so neither can
    # be excluded here.
    if _PRIVATE.search(output):
        return Failure(
            kind=FailureClass.CLONE_FAILED,
            message="the repository is private, or does not exist",
            hint="connect an account that can read it, or make it public",
        )
    return _classify_output(evidence, run, output, phase="clone")


def _detect_failure(evidence: FailureEvidence, run: PhaseRun, output: str) -> Failure:
    if run.exit_code == _NO_GROUP:
        return Failure(
            kind=FailureClass.NO_DEFINITION,
            message="the builder detects nothing that it can install",
            hint="add a requirements.txt, an environment.yml or a pyproject.toml",
        )
    if run.exit_code == _GROUP_WITH_ERRORS:
        return Failure(
            kind=FailureClass.NO_DEFINITION,
            message="no buildpack detects the repository, and one of them failed: "
            f"{_last_error(output)}",
            hint="see the log of the build",
        )
    return _lifecycle_failure(evidence, run, output)


def _build_failure(evidence: FailureEvidence, run: PhaseRun, output: str) -> Failure:
    failure = _classify_output(evidence, run, output, phase="build")
    is_nowhere = failure.kind is FailureClass.NO_SUCH_PACKAGE
    if is_nowhere and is_doubtful(output, evidence.files):
        return replace(failure, is_doubtful=True)
    return failure


def _registry_failure(evidence: FailureEvidence, run: PhaseRun, output: str) -> Failure:
    failure = match_rules(_error_lines(output), OF_REGISTRY, {})
    return failure or _lifecycle_failure(evidence, run, output)


def _lifecycle_failure(
    evidence: FailureEvidence, run: PhaseRun, output: str
) -> Failure:
    if failure := match_rules(output, OF_MACHINE, evidence.files):
        return failure
    if _EXTENSIONS.search(output):
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message=EXTENDS,
            hint="choose a builder image without image extensions",
        )
    if run.exit_code in _OTHER_API:
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message="the builder image has another platform API: "
            f"{_last_error(output)}",
            hint="an operator has to choose a platform API that the builder image"
            " supports",
        )
    return Failure(
        kind=FailureClass.INTERNAL,
        message=f"the {run.name} phase failed with {run.exit_code}: "
        f"{_last_error(output)}",
        hint=_OPERATOR_HINT,
    )


def _classify_output(
    evidence: FailureEvidence, run: PhaseRun, output: str, *, phase: str
) -> Failure:
    """Classify a tool's output, without what lifecycle and buildpacks add to it."""
    # Paths in the pod mean nothing to the author; without the prefix they are those of
    # the repository.
    text = _dedent(output).replace(f"{SOURCE}/", "").replace(SOURCE, ".")
    lines = [line for line in text.splitlines() if not _is_exit_status(line)]
    return classify(
        phase=phase,
        lines=lines,
        code=run.exit_code or 0,
        files=evidence.files or _read_requirements(output),
    )


def _read_requirements(output: str) -> Mapping[str, str]:
    """Return the lines of a requirements file that pip printed, by file."""
    files: dict[str, dict[int, str]] = {}
    for match in _COLLECTED.finditer(output):
        requirement = match[0].split()[1]
        files.setdefault(match["path"], {})[int(match["line"])] = requirement
    return {
        path: "\n".join(lines.get(number, "") for number in range(1, max(lines) + 1))
        for path, lines in files.items()
    }


def _strip_colours(text: str) -> str:
    return _COLOUR.sub("", text).replace("\r\n", "\n")


def _dedent(output: str) -> str:
    """Remove the indentation that a buildpack adds to a tool's output."""
    # Buildpacks indent by different widths, and the first error line shows by how much:
    # only that is removed, since a resolver's own indentation has a meaning.
    match = _ERROR.search(output)
    if match is None:
        return output
    return re.sub(rf"^ {{1,{len(match[1])}}}", "", output, flags=re.MULTILINE)


def _is_exit_status(line: str) -> bool:
    return bool(re.match(r"ERROR: failed to build: exit status|exit status \d+$", line))


def _error_lines(output: str) -> str:
    """Return the lines that report an error; all lines when none does."""
    errors = [
        line for line in output.splitlines() if "ERROR" in line or "failed to" in line
    ]
    return "\n".join(errors) or output


def _last_error(output: str) -> str:
    return last_message(_error_lines(output).splitlines()).removeprefix("ERROR: ")


_CLASSIFIERS: Final[
    Mapping[str, Callable[[FailureEvidence, PhaseRun, str], Failure]]
] = {
    "clone": _clone_failure,
    PREPARE: cache_failure,
    "analyze": _registry_failure,
    "detect": _detect_failure,
    "restore": _registry_failure,
    "build": _build_failure,
    "export": _registry_failure,
    SMOKE: smoke_failure,
}
