"""The log of a build in an upstream Renku."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from service.adapters.renku.client import RenkuClient
from service.build_failures.classify import classify
from service.domain.building.build import BuildId
from service.domain.building.failure import Failure, FailureClass
from service.errors import ConflictError, PermanentError, TransientError

__all__ = ["UpstreamLogs", "failure_of", "read_log"]

MAX_LINES: Final = 5000
"""Of each container; enough for any installer that failed."""
_LAST: Final = 600
"""Lines that a failure is classified by."""
_REASONS: Final = {
    "BuildRunTimeout": FailureClass.DEADLINE,
    "StepOutOfMemory": FailureClass.OUT_OF_MEMORY,
    "PodEvicted": FailureClass.EVICTED,
}
"""Reasons of Shipwright that Renku passes on and that a log does not show:
https://shipwright.io/docs/build/buildrun/#understanding-the-state-of-a-buildrun"""


class UpstreamLogs(Protocol):
    """Stores the output of builds."""

    async def append(
        self, build: BuildId, phase: str, lines: Sequence[str]
    ) -> None: ...


async def read_log(
    client: RenkuClient, upstream_id: str
) -> Mapping[str, Sequence[str]]:
    """Return the lines of each container; empty where Renku has none any more."""
    try:
        found = await client.get(
            "builds", upstream_id, "logs", max_lines=str(MAX_LINES)
        )
    # A build whose log is gone has ended all the same.
    except (ConflictError, PermanentError, TransientError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        str(container): text.splitlines()
        for container, text in found.items()
        if isinstance(text, str)
    }


def failure_of(
    reason: str | None, log: Mapping[str, Sequence[str]], *, path: str
) -> Failure:
    """Return the failure of a build that failed in Renku.

    Args:
        reason: Renku's `error_reason`.
        log: The lines of each container.
        path: The definition file.
    """
    if reason is None:
        return Failure(
            kind=FailureClass.LOST,
            message="Renku lost the build before its end was read.",
            hint="It is tried again by itself.",
        )
    kind = _REASONS.get(reason)
    if kind is None and log:
        lines = [line for part in log.values() for line in part][-_LAST:]
        return classify(phase="build", lines=lines, code=1, files={path: ""})
    return Failure(
        kind=kind or FailureClass.UNKNOWN,
        message=f"The build failed in Renku: {reason}.",
        hint="Renku has its log." if log else "Renku keeps no log of it.",
    )
