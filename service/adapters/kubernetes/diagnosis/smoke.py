"""Failures of the smoke test of a new image, and who can fix them."""

import re
from collections.abc import Mapping
from typing import Final

from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.manifests.smoke_shell import ENDED, FAILED, LACKED
from service.adapters.kubernetes.status.phases import PhaseRun
from service.build_failures.classify import last_message
from service.domain.building.failure import Failure, FailureClass

__all__ = ["smoke_failure"]

_KEPT: Final = "the last image that worked is kept"
_LAUNCHER_ERROR: Final = re.compile(
    r"^(?:ERROR: )?(?P<why>failed to (?:launch|read metadata|get platform API"
    r"|set platform API|parse platform API|set API for|parse buildpack API).*)",
    re.MULTILINE,
)
"""What the launcher prints when it cannot start the process:
cmd/launcher/cli/launcher.go and cmd/apis.go of buildpacks/lifecycle."""
_INCOMPATIBLE: Final[Mapping[int, str]] = {11: "platform", 12: "buildpack"}
"""https://github.com/buildpacks/spec/blob/main/platform.md#launcher"""
_UNSTARTED: Final = frozenset({"ContainerCannotRun", "StartError"})
"""Reasons of a container whose entrypoint could not be started."""
_NO_PROCESS: Final = "when there is no default process"
_SCRIPT: Final = re.compile(r"exec\.d file at path '(?P<path>[^']+)': (?P<why>.*)")
_NO_PROGRAM: Final = re.compile(r'exec: "(?P<name>[^"]+)": executable file not found')
_BY_SIGNAL: Final = 128


def smoke_failure(evidence: FailureEvidence, run: PhaseRun, output: str) -> Failure:
    """Return why the smoke test failed: by the image, or by the operator's images.

    Args:
        evidence: The facts about the Job.
        run: Its only container, which failed.
        output: The last lines of its log.
    """
    # Before the marks: nothing of the script ran, so the output is empty or of an
    # earlier container.
    if run.reason in _UNSTARTED:
        return _unusable_image_failure(run.message.strip() or run.reason)
    lacks_program, name = _read_marked(run, output, LACKED)
    if lacks_program:
        return _unusable_image_failure(f"the image has no {name}")
    has_ended, code = _read_marked(run, output, ENDED)
    if has_ended:
        return _session_failure(evidence, int(code) if code.isdigit() else 1, output)
    _, why = _read_marked(run, output, FAILED)
    exited = f"it ended with {run.exit_code}: {last_message(output.splitlines())}"
    return evidence.failure(FailureClass.SMOKE_FAILED, why or exited, _KEPT)


def _unusable_image_failure(why: str) -> Failure:
    return Failure(
        kind=FailureClass.UNFIT_BUILDER,
        message=f"the smoke test of the new image could not start: {why}",
        hint="an operator has to choose a run image with sh, sed, grep, tr, head, date"
        " and env, or to switch the smoke test off (RELAUNCH_KUBERNETES_SMOKE_TEST)",
    )


def _read_marked(run: PhaseRun, output: str, mark: str) -> tuple[bool, str]:
    """Return whether a mark was printed, and the rest of its line."""
    _, marked, rest = f"{run.message}\n{output}".partition(mark)
    return bool(marked), rest.splitlines()[0].strip() if rest else ""


def _session_failure(evidence: FailureEvidence, code: int, output: str) -> Failure:
    """Return why a session ended: because of its launcher, or of its process."""
    errors = tuple(_LAUNCHER_ERROR.finditer(output))
    if not errors:
        return evidence.failure(FailureClass.SMOKE_FAILED, _describe_exit(code), _KEPT)
    why = errors[-1]["why"].strip()
    if code in _INCOMPATIBLE:
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message="the new image failed its smoke test: its launcher has another "
            f"{_INCOMPATIBLE[code]} API (it ended with {code}): {why}",
            hint="an operator has to choose a builder image and a platform API that"
            " are compatible",
        )
    if _NO_PROCESS in why:
        return evidence.failure(
            FailureClass.SMOKE_FAILED,
            f"it has no default process, so no session starts (its launcher ended with"
            f" {code})",
            "choose a frontend that the builder image has, or none; " + _KEPT,
        )
    return evidence.failure(
        FailureClass.SMOKE_FAILED,
        f"{_describe_launcher_error(why)} (its launcher ended with {code})",
        _KEPT,
    )


def _describe_launcher_error(why: str) -> str:
    if script := _SCRIPT.search(why):
        return (
            f"the script {script['path']}, which runs before a session, fails: "
            f"{script['why']}"
        )
    if program := _NO_PROGRAM.search(why):
        return f"the program of its process, {program['name']}, is not in it"
    return f"nothing was started: {why}"


def _describe_exit(code: int) -> str:
    # 128 + n is the shell's way to report signal n; the script passes on the code of
    # `wait`.
    if code > _BY_SIGNAL:
        return f"its session was ended by signal {code - _BY_SIGNAL}"
    return f"its session ended by itself with {code}"
