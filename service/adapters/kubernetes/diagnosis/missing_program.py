"""Programs missing in an image: the operator chose it, no definition can fix that.

Container runtimes report a missing entrypoint, shells a missing command of a script.
"""

import re
from typing import Final

from service.adapters.kubernetes.status.phases import PhaseRun
from service.domain.building.failure import Failure, FailureClass

__all__ = ["missing_program"]

_UNSTARTED: Final = frozenset({"ContainerCannotRun", "StartError"})
_NO_PROGRAM: Final = re.compile(
    r'exec: "(?P<name>[^"]+)": (?:stat .{0,500}no such file|executable file not found)'
)
_NO_COMMAND: Final = re.compile(
    r"^clone: (?:line )?\d+: (?P<name>[\w.-]+): (?:command )?not found$", re.MULTILINE
)
"""The message of dash, busybox and bash for a script that is named `clone`."""
_NOT_FOUND: Final = 127
"""https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_08_02"""
_HINTS: Final = {
    "clone": "an operator sets RELAUNCH_KUBERNETES_GIT_IMAGE to an image with sh and "
    "git, such as the builder image; the build is retried",
    "cache": "an operator sets RELAUNCH_KUBERNETES_GIT_IMAGE to an image with sh; the "
    "build is retried",
}
_LIFECYCLE: Final = (
    "an operator sets RELAUNCH_KUBERNETES_BUILDER_IMAGE to a builder with a lifecycle, "
    "or RELAUNCH_KUBERNETES_LIFECYCLE to its folder; the build is retried"
)


def missing_program(run: PhaseRun, output: str) -> Failure | None:
    """Return which program the image of a phase lacks; None for any other cause."""
    match = None
    if run.reason in _UNSTARTED:
        match = _NO_PROGRAM.search(run.message)
    elif run.name == "clone" and run.exit_code == _NOT_FOUND:
        match = _NO_COMMAND.search(output)
    if match is None:
        return None
    return Failure(
        kind=FailureClass.UNFIT_BUILDER,
        message=f"the image of the {run.name} phase, {run.image}, has no "
        f"{match['name']}",
        hint=_HINTS.get(run.name, _LIFECYCLE),
    )
