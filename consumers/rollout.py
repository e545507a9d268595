"""build.finished → every launcher of the build on its image, forward only.

The first page of a build's rebuilds ended in the build's own transaction; here the
others do, each page in a transaction of its own, so that nobody waits for a course of
ten thousand. The message is acknowledged after the last page: whoever gets it again
goes on where the pages ended.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from consumers.building.endings import RebuildEndings
from service.domain.building.build import BuildId, BuildState, RebuildId
from service.domain.launcher import LauncherId
from service.errors import NotFoundError
from service.events.envelope import Event
from service.events.models import BuildFinished, Data
from service.ports.store import BATCH, Store
from service.usecases.move_launchers import roll_out_all
from service.usecases.publish_events import EventRecorder

__all__ = ["Rollout"]

log = structlog.get_logger(__name__)

BUILDS: Final = 20
"""How many builds whose rollout was lost are continued in one round."""


# One per consuming process. Messages may come twice or be lost: what is left to do is
# read from the rows each time, and the leader's `resume` finds what no message names.
class Rollout:
    """Move the launchers whose environment has a new image."""

    def __init__(
        self, *, store: Store, recorder: EventRecorder, endings: RebuildEndings
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._endings = endings

    async def handle(self, event: Event, data: Data) -> None:
        """Take one build.finished event; taking it again changes nothing."""
        del event
        assert isinstance(data, BuildFinished)
        # An event about rebuilds that ended without a build of their own names no page
        # that is left.
        if data.build_id is not None and data.evaluation_id is None:
            await self._finish(BuildId(data.build_id))
        if data.outcome == "succeeded":
            await self._move(data.rebuild_ids)

    async def resume(self) -> None:
        """Go on where the message that would have been is lost.

        Raises:
            TransientError: The database did not answer; what was done stands.
        """
        async with self._store.reading() as tx:
            left = await tx.schedule.served(limit=BUILDS)
        for build in left:
            await self._finish(build)

    async def _finish(self, build_id: BuildId) -> None:
        while True:
            async with self._store.transaction() as tx:
                try:
                    build = await tx.builds.get(build_id)
                except NotFoundError:
                    return
                is_ended = build.state in {BuildState.SUCCEEDED, BuildState.FAILED}
                # A page for each transaction: between two of them evaluations and
                # schedule get their turn.
                if not is_ended or not await self._endings.end_page(tx, build):
                    return

    async def _move(self, rebuild_ids: Sequence[str]) -> None:
        """Move the launchers of rebuilds that an event of version 1 names."""
        for start in range(0, len(rebuild_ids), BATCH):
            ids = rebuild_ids[start : start + BATCH]
            async with self._store.transaction() as tx:
                found = await tx.rebuilds.some(RebuildId(id_) for id_ in ids)
                launchers = await tx.launchers.some(
                    LauncherId(rebuild.launcher_id) for rebuild in found
                )
                ended = [
                    rebuild
                    for rebuild in found
                    if rebuild.state is BuildState.SUCCEEDED
                ]
                await roll_out_all(tx, self._recorder, launchers, ended)
