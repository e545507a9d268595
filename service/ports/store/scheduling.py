"""The ports of the schedule and of pauses: what waits, what may start, what may not.

Every query reads an index of what it returns, so that none costs more for what is
unfinished besides.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from service.domain.building.build import Build, BuildId, BuildKey, Image, Rebuild
from service.domain.building.pause import Pause
from service.domain.building.schedule import ConcurrencyLimits

__all__ = ["Pauses", "Schedule"]


class Schedule(Protocol):
    """What the scheduling decision reads of builds and rebuilds."""

    async def unassigned(self, *, limit: int, after: str = "") -> Sequence[Rebuild]:
        """Return unfinished rebuilds with a plan and without a build, by id."""
        ...

    async def first_unassigned(self, *, limit: int, after: str) -> Sequence[Rebuild]:
        """Return, of each source, the first rebuild that `unassigned` would return.

        Of sources only that have none up to the id `after`.
        """
        ...

    async def builds_of(self, keys: Iterable[BuildKey]) -> Sequence[Build]:
        """Return the unfinished builds of keys, oldest first."""
        ...

    async def images_of(self, keys: Iterable[BuildKey]) -> Mapping[BuildKey, Image]:
        """Return the newest image of each key that has one."""
        ...

    async def unwanted(self) -> Sequence[Build]:
        """Return the unfinished builds that no unfinished rebuild waits for."""
        ...

    async def running(self) -> Mapping[str, int]:
        """Count the running builds of each project that has any."""
        ...

    async def startable(
        self, caps: ConcurrencyLimits, *, now: datetime
    ) -> Sequence[Build]:
        """Return the queued builds that may start now, as many as the caps allow.

        Of each project those that a person waits for first, then the oldest; while a
        project is paused only the former.
        """
        ...

    async def waited_for(self, builds: Iterable[BuildId]) -> Collection[BuildId]:
        """Return those of some builds that a person waits for."""
        ...

    async def served(self, *, limit: int) -> Sequence[BuildId]:
        """Return builds that ended while rebuilds of them are still unfinished."""
        ...


class Pauses(Protocol):
    """Where nothing is built by itself."""

    async def add(self, pause: Pause) -> bool:
        """Add a pause; return False when its scope is paused already."""
        ...

    async def remove(self, scope: str) -> bool:
        """End the pause of a scope; return whether there was one."""
        ...

    async def list(self) -> Sequence[Pause]:
        """Return all pauses, the oldest first."""
        ...

    async def of_projects(self, projects: Iterable[str]) -> Mapping[str, Pause]:
        """Return the pause that holds for each of some projects that are paused.

        The one of everywhere before a project's own. One query.
        """
        ...
