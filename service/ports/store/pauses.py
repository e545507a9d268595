"""The port of pauses."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from service.domain.building.pause import Pause

__all__ = ["Pauses"]


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
