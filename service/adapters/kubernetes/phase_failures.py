"""Failures that a phase tells by its exit code and its last words."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from service.adapters.kubernetes.cache import PREPARE, cache_failure
from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.clone import (
    COMMIT_GONE,
    CONTEXT_MISSING,
    FETCH_FAILED,
    LFS_FAILED,
    MARK,
    SUBMODULES_FAILED,
)
from service.adapters.kubernetes.containers import SOURCE
from service.adapters.kubernetes.pods import PhaseRun
from service.adapters.kubernetes.registry_messages import OF_REGISTRY
from service.adapters.kubernetes.smoke import SMOKE
from service.adapters.kubernetes.smoke_failures import smoke_failed
from service.adapters.kubernetes.suitability import EXTENDS
from service.domain.failure import Failure, FailureClass
from service.installers.classify import by_rules, classify, last_words
from service.installers.messages import OF_MACHINE

__all__ = ["failed_in"]

_MARKED: Final = re.compile(rf"{re.escape(MARK)}(?P<word>\w+): (?P<why>.*)")
_PRIVATE: Final = re.compile(
    r"could not read Username|Authentication failed|terminal prompts disabled"
    r"|returned error: 40[13]"
)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ERROR: Final = re.compile(r"^( +)(?:ERROR|error|Because|Error):? ", re.MULTILINE)
_COLLECTED: Final = re.compile(
    r"^\s*(?:Collecting|Processing) .*\(from -r (?P<path>\S+) \(line (?P<line>\d+)\)\)",
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
"""What a lifecycle says of image extensions before platform API 0.13 (its
`GuardExperimental`); later ones run them, and leave out what they ask for."""
_OPERATORS: Final = "this is for an operator to mend; the build is tried again"


def failed_in(case: Case) -> Failure | None:
    """Say why the phase failed that ended badly; None when none did."""
    run = case.failed
    if run is None:
        return None
    said = _plain(case.log or run.message)
    judge = _JUDGES.get(_phase(run, said), _lifecycle)
    return judge(case, run, said)


def _phase(run: PhaseRun, said: str) -> str:
    if run.name != "creator":
        return run.name
    if (run.exit_code or 0) < 20 and "registry read" in said:  # noqa: PLR2004 - as in _BY_TENS
        return "analyze"
    return _BY_TENS.get((run.exit_code or 0) // 10, run.name)


def _clone(case: Case, run: PhaseRun, said: str) -> Failure:
    marks = tuple(_MARKED.finditer(said))
    if not marks:
        return _classified(case, run, said, phase="clone")
    word, why = marks[-1]["word"], marks[-1]["why"]
    match word:
        case _ if word == FETCH_FAILED:
            return _fetch(case, run, said[: marks[-1].start()])
        case _ if word == CONTEXT_MISSING:
            kind, hint = FailureClass.NO_DEFINITION, "check the context directory"
        case _ if word == COMMIT_GONE:
            kind = FailureClass.CLONE_FAILED
            hint = "push again; a force push may have removed it"
        case _ if word == SUBMODULES_FAILED:
            kind, hint = FailureClass.CLONE_FAILED, "it is gone or private"
        case _ if word == LFS_FAILED:
            kind, hint = FailureClass.CLONE_FAILED, "they may be gone, or over quota"
        case _:
            kind, hint = FailureClass.UNKNOWN, ""
    return by_rules(said, OF_MACHINE, {}) or Failure(kind=kind, message=why, hint=hint)


def _fetch(case: Case, run: PhaseRun, said: str) -> Failure:
    if _PRIVATE.search(said):
        return Failure(
            kind=FailureClass.CLONE_FAILED,
            message="the repository is private, or not there",
            hint="connect an account that can read it, or make it public",
        )
    return _classified(case, run, said, phase="clone")


def _detect(case: Case, run: PhaseRun, said: str) -> Failure:
    if run.exit_code == _NO_GROUP:
        return Failure(
            kind=FailureClass.NO_DEFINITION,
            message="there is nothing here that the builder knows how to install",
            hint="add a requirements.txt, an environment.yml or a pyproject.toml",
        )
    if run.exit_code == _GROUP_WITH_ERRORS:
        return Failure(
            kind=FailureClass.NO_DEFINITION,
            message="no buildpack takes the repository, and one failed while looking: "
            f"{_last_error(said)}",
            hint="the log of the build says more",
        )
    return _lifecycle(case, run, said)


def _build(case: Case, run: PhaseRun, said: str) -> Failure:
    return _classified(case, run, said, phase="build")


def _registry(case: Case, run: PhaseRun, said: str) -> Failure:
    found = by_rules(_errors(said), OF_REGISTRY, {})
    return found or _lifecycle(case, run, said)


def _lifecycle(case: Case, run: PhaseRun, said: str) -> Failure:
    if found := by_rules(said, OF_MACHINE, case.files):
        return found
    if _EXTENSIONS.search(said):
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message=EXTENDS,
            hint="choose a builder image without image extensions",
        )
    if run.exit_code in _OTHER_API:
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message=f"the builder image speaks another API: {_last_error(said)}",
            hint="this is for an operator to mend: choose a platform API that the"
            " builder image supports",
        )
    return Failure(
        kind=FailureClass.INTERNAL,
        message=f"the {run.name} phase failed with {run.exit_code}: "
        f"{_last_error(said)}",
        hint=_OPERATORS,
    )


def _classified(case: Case, run: PhaseRun, said: str, *, phase: str) -> Failure:
    """Say what the tools' words mean, without the lifecycle's and the buildpacks'."""
    told = _outdented(said).replace(f"{SOURCE}/", "").replace(SOURCE, ".")
    lines = [it for it in told.splitlines() if not _is_frame(it)]
    return classify(
        phase=phase,
        lines=lines,
        code=run.exit_code or 0,
        files=case.files or _collected(said),
    )


def _collected(said: str) -> Mapping[str, str]:
    """Return what pip showed of a requirements file, line for line."""
    files: dict[str, dict[int, str]] = {}
    for it in _COLLECTED.finditer(said):
        asked = it[0].split()[1]
        files.setdefault(it["path"], {})[int(it["line"])] = asked
    return {
        path: "\n".join(lines.get(it, "") for it in range(1, max(lines) + 1))
        for path, lines in files.items()
    }


def _plain(text: str) -> str:
    return _COLOUR.sub("", text).replace("\r\n", "\n")


def _outdented(said: str) -> str:
    """Take away what a buildpack indents a tool's words by."""
    found = _ERROR.search(said)
    if found is None:
        return said
    return re.sub(rf"^ {{1,{len(found[1])}}}", "", said, flags=re.MULTILINE)


def _is_frame(line: str) -> bool:
    return bool(re.match(r"ERROR: failed to build: exit status|exit status \d+$", line))


def _errors(said: str) -> str:
    """Return the lines that say an error, or all when none does."""
    found = [it for it in said.splitlines() if "ERROR" in it or "failed to" in it]
    return "\n".join(found) or said


def _last_error(said: str) -> str:
    return last_words(_errors(said).splitlines()).removeprefix("ERROR: ")


_JUDGES: Final[Mapping[str, Callable[[Case, PhaseRun, str], Failure]]] = {
    "clone": _clone,
    PREPARE: cache_failure,
    "analyze": _registry,
    "detect": _detect,
    "restore": _registry,
    "build": _build,
    "export": _registry,
    SMOKE: smoke_failed,
}
