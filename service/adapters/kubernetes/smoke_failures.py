"""Why a new image did not work when it was tried, and whose doing that is."""

import re
from collections.abc import Mapping
from typing import Final

from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.pods import PhaseRun
from service.adapters.kubernetes.smoke_shell import ENDED, FAILED
from service.domain.failure import Failure, FailureClass
from service.installers.classify import last_words

__all__ = ["smoke_failed"]

_KEPT: Final = "the last image that worked is kept"
_LAUNCHER_SAYS: Final = re.compile(
    r"^(?:ERROR: )?(?P<why>failed to (?:launch|read metadata|get platform API"
    r"|set platform API|parse platform API|set API for|parse buildpack API).*)",
    re.MULTILINE,
)
"""cmd/launcher/cli/launcher.go and cmd/apis.go of buildpacks/lifecycle: what it prints
before it ends, because it could not become the process."""
_INCOMPATIBLE: Final[Mapping[int, str]] = {11: "platform", 12: "buildpack"}
"""https://github.com/buildpacks/spec/blob/main/platform.md#launcher"""
_UNSTARTED: Final = frozenset({"ContainerCannotRun", "StartError"})
"""What Kubernetes says when it could not start a container's first program."""
_NO_PROCESS: Final = "when there is no default process"
_SCRIPT: Final = re.compile(r"exec\.d file at path '(?P<path>[^']+)': (?P<why>.*)")
_NO_PROGRAM: Final = re.compile(r'exec: "(?P<name>[^"]+)": executable file not found')
_BY_SIGNAL: Final = 128


def smoke_failed(case: Case, run: PhaseRun, said: str) -> Failure:
    """Say what an image lacks, or which of the operator's parts do not fit.

    Args:
        case: What is known of the Job.
        run: Its only container, which ended badly.
        said: The end of its log.
    """
    if run.reason in _UNSTARTED:
        return _without_shell(run)
    ended, code = _told(run, said, ENDED)
    if ended:
        return _ended(case, int(code) if code.isdigit() else 1, said)
    _, why = _told(run, said, FAILED)
    crashed = f"it ended with {run.exit_code}: {last_words(said.splitlines())}"
    return case.failure(FailureClass.SMOKE_FAILED, why or crashed, _KEPT)


def _without_shell(run: PhaseRun) -> Failure:
    return Failure(
        kind=FailureClass.UNFIT_BUILDER,
        message="the new image could not be tried: "
        f"{run.message.strip() or run.reason}",
        hint="this is for an operator to mend: the run image needs sh, sed, grep and"
        " tr, or the trial is switched off (RELAUNCH_KUBERNETES_SMOKE)",
    )


def _told(run: PhaseRun, said: str, mark: str) -> tuple[bool, str]:
    """Return whether a mark was left, and what stands behind it."""
    _, marked, told = f"{run.message}\n{said}".partition(mark)
    return bool(marked), told.splitlines()[0].strip() if told else ""


def _ended(case: Case, code: int, said: str) -> Failure:
    """Say why a session ended by itself: its launcher's doing, or its process's."""
    found = tuple(_LAUNCHER_SAYS.finditer(said))
    if not found:
        return case.failure(FailureClass.SMOKE_FAILED, _by_itself(code), _KEPT)
    why = found[-1]["why"].strip()
    if code in _INCOMPATIBLE:
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message="the new image was tried, and its launcher speaks another "
            f"{_INCOMPATIBLE[code]} API (it ended with {code}): {why}",
            hint="this is for an operator to mend: choose a builder image and a"
            " platform API that fit",
        )
    if _NO_PROCESS in why:
        return case.failure(
            FailureClass.SMOKE_FAILED,
            f"it has no default process, so no session starts (its launcher ended with"
            f" {code})",
            "choose a frontend that the builder image has, or none; " + _KEPT,
        )
    return case.failure(
        FailureClass.SMOKE_FAILED,
        f"{_unlaunched(why)} (its launcher ended with {code})",
        _KEPT,
    )


def _unlaunched(why: str) -> str:
    if script := _SCRIPT.search(why):
        return (
            f"the script {script['path']}, which runs before a session, fails: "
            f"{script['why']}"
        )
    if program := _NO_PROGRAM.search(why):
        return f"the program of its process, {program['name']}, is not in it"
    return f"nothing was started: {why}"


def _by_itself(code: int) -> str:
    if code > _BY_SIGNAL:
        return f"its session was ended by signal {code - _BY_SIGNAL}"
    return f"its session ended by itself with {code}"
