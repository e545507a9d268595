"""Commands of users that pause automatic work, in a project or everywhere."""

from collections.abc import Sequence

from service.domain.building.pause import EVERYWHERE, Pause
from service.domain.rights.caller import ProjectId, UserId
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["PauseEditor"]


class PauseEditor:
    """Pause automatic work, and resume it.

    The application makes one for each process that serves the REST API; it holds no
    state.

    Args:
        store: The database.
        clock: The current time.
    """

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def pause(
        self,
        project: ProjectId | None = None,
        *,
        by: UserId | None = None,
        reason: str = "",
    ) -> Pause:
        """Pause a project, or all of them without one; a paused one stays as it is."""
        scope = project or EVERYWHERE
        wanted = Pause(scope=scope, since=self._clock.now(), by=by, reason=reason)
        async with self._store.transaction() as tx:
            if await tx.pauses.add(wanted):
                return wanted
            there = await tx.pauses.list()
        return next((pause for pause in there if pause.scope == scope), wanted)

    async def resume(self, project: ProjectId | None = None) -> bool:
        """End a pause; return whether there was one.

        Launchers that fell behind are found by the leader within seconds, so there is
        nothing else to do.
        """
        async with self._store.transaction() as tx:
            return await tx.pauses.remove(project or EVERYWHERE)

    async def list(self) -> Sequence[Pause]:
        """Return all pauses, the oldest first."""
        async with self._store.reading() as tx:
            return await tx.pauses.list()

    async def find(self, project: ProjectId) -> Pause | None:
        """Return the pause that holds for a project; None where it has none."""
        async with self._store.reading() as tx:
            return (await tx.pauses.of_projects([project])).get(project)
