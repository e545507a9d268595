"""The ports of what happened, and of what waits: all of it counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.rights.caller import EVERYTHING, ProjectFilter

__all__ = ["InstallationState", "States", "Statistics"]


class Statistics(Protocol):
    """Counts of what happened since a time; of visible projects only."""

    async def verdicts(
        self, *, since: datetime, visible: ProjectFilter = EVERYTHING
    ) -> Mapping[str, int]:
        """Count evaluations by the word of their verdict."""
        ...

    async def endings(
        self, *, since: datetime, visible: ProjectFilter = EVERYTHING
    ) -> Mapping[str, int]:
        """Count finished rebuilds by the word of their reason."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationState:
    """What waits, and since when."""

    outbox_events: int
    outbox_oldest: datetime | None
    evaluations_due: int
    evaluation_oldest_due: datetime | None
    sweep_oldest_due: datetime | None
    builds_queued: int
    builds_running: int
    build_oldest_queued: datetime | None
    hooks_healthy: int
    hooks_unhealthy: int
    hooks_unchecked: int


class States(Protocol):
    """Reads it."""

    async def read(self, now: datetime) -> InstallationState: ...
