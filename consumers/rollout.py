"""build.finished → launchers on the new image, forward only."""

import structlog

from service.announcing import Announcer
from service.domain.build import BuildState, Rebuild, RebuildId
from service.domain.launcher import Launcher, LauncherId
from service.domain.rollout import Step, step
from service.errors import NotFoundError
from service.ports.store import Store, Transaction
from service.wire import BuildFinished, Data, Event

__all__ = ["Rollout"]

log = structlog.get_logger(__name__)


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
                    await self._move(tx, launcher, rebuild)

    async def _move(
        self, tx: Transaction, launcher: Launcher, rebuild: Rebuild
    ) -> None:
        plan = rebuild.plan
        if plan is None or rebuild.image is None:
            return
        write = {Step.MOVE: tx.launchers.move, Step.OFFER: tx.launchers.offer}
        decided = step(launcher, rebuild)
        if decided is Step.LEAVE:
            return
        is_done = await write[decided](
            launcher.id,
            image=rebuild.image,
            key=plan.key,
            generation=plan.generation,
        )
        if not is_done:  # a newer one was there first, or this message came before
            return
        is_moved = decided is Step.MOVE
        await self._announcer.updated(tx, launcher, rebuild, is_moved=is_moved)
        log.info(
            "launcher moved" if is_moved else "launcher told",
            launcher=launcher.id,
            image=rebuild.image,
            generation=plan.generation,
        )


async def _launcher(tx: Transaction, rebuild: Rebuild) -> Launcher | None:
    if rebuild.state is not BuildState.SUCCEEDED:
        return None
    try:
        launcher = await tx.launchers.get(LauncherId(rebuild.launcher_id))
    except NotFoundError:  # removed while its image was built
        return None
    return launcher
