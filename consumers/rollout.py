"""build.finished → launchers on the new image, forward only."""

from service.announcing import Announcer
from service.domain.build import BuildState, Rebuild, RebuildId
from service.domain.launcher import Launcher, LauncherId
from service.errors import NotFoundError
from service.moving import roll_out
from service.ports.store import Store, Transaction
from service.wire import BuildFinished, Data, Event

__all__ = ["Rollout"]


class Rollout:
    """Move the launchers whose environment has a new image."""

    def __init__(self, *, store: Store, announcer: Announcer) -> None:
        self._store = store
        self._announcer = announcer

    async def handle(self, event: Event, data: Data) -> None:
        """Take one build.finished event; taking it again changes nothing."""
        del event
        assert isinstance(data, BuildFinished)
        if data.outcome != "succeeded":
            return
        for rebuild_id in data.rebuild_ids:
            async with self._store.transaction() as tx:
                rebuild = await tx.rebuilds.get(RebuildId(rebuild_id))
                launcher = await _launcher(tx, rebuild)
                if launcher is not None:
                    await roll_out(tx, self._announcer, launcher, rebuild)


async def _launcher(tx: Transaction, rebuild: Rebuild) -> Launcher | None:
    if rebuild.state is not BuildState.SUCCEEDED:
        return None
    try:
        launcher = await tx.launchers.get(LauncherId(rebuild.launcher_id))
    except NotFoundError:  # removed while its image was built
        return None
    return launcher
