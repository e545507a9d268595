"""The end of rebuilds: state, launchers and events in one transaction, in pages.

A rebuild says `succeeded` in the transaction in which its launcher gets the image.
However many wait for a build, no transaction ends more than a page of them: the first
ends with the build, the others by `build.finished` (`consumers/rollout.py`). Until then
they are unfinished rebuilds of a finished build, which is all that has to be known to
go on after a crash.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from service.domain.building.build import (
    Build,
    BuildEvent,
    BuildState,
    Rebuild,
    apply_event,
)
from service.domain.building.failure import Failure
from service.domain.launcher import LauncherId
from service.ports.store import BATCH, Transaction
from service.ports.time import Clock
from service.usecases.move_launchers import roll_out_all
from service.usecases.publish_events import EventRecorder

__all__ = ["RebuildEndings"]


# One per consuming process, without state: which rebuilds are left to end is a query
# (unfinished rebuilds of a finished build), so any process can go on.
class RebuildEndings:
    """Ends rebuilds within a transaction.

    Args:
        clock: Gives the time of the end.
        recorder: Publishes it.
    """

    def __init__(self, *, clock: Clock, recorder: EventRecorder) -> None:
        self._clock = clock
        self._recorder = recorder

    async def end_first_page(self, tx: Transaction, build: Build) -> int:
        """End some rebuilds with their build, and publish its end; return how many.

        `build.finished` has the others ended.
        """
        return len(await self._end_page(tx, build, is_first=True))

    async def end_page(self, tx: Transaction, build: Build) -> int:
        """End more rebuilds of a build that ended; return how many, 0 at the end."""
        return len(await self._end_page(tx, build, is_first=False))

    async def _end_page(
        self, tx: Transaction, build: Build, *, is_first: bool
    ) -> Sequence[Rebuild]:
        waiting = await tx.rebuilds.attached(build.id, limit=BATCH)
        if not waiting:
            return ()
        # Launchers before rebuilds, as evaluations and changes of launchers do: two
        # transactions that hold both in one order cannot deadlock.
        launchers = await tx.launchers.some(
            LauncherId(rebuild.launcher_id) for rebuild in waiting
        )
        # Read again now that they are locked: between both reads a person may have
        # cancelled some of them.
        held = await tx.rebuilds.some(rebuild.id for rebuild in waiting)
        ended = [
            self._ended(rebuild, build)
            for rebuild in held
            if rebuild.build_id == build.id and not rebuild.state.is_final
        ]
        await tx.rebuilds.save_progress(ended)
        if is_first:
            alone = ended[0] if len(ended) == 1 else None
            await self._recorder.build_ended(tx, build, alone=alone)
        if build.state is BuildState.SUCCEEDED:
            # In this transaction: a client that polls for `succeeded`, as Renku's page
            # does, starts a session from the launcher's image with its next request.
            await roll_out_all(tx, self._recorder, launchers, ended)
            # The first of them is what the build was for.
            await self._recorder.pushes.shared(tx, len(ended) - is_first)
        return ended

    async def succeed(
        self, tx: Transaction, rebuilds: Sequence[Rebuild], *, image: str
    ) -> None:
        """End rebuilds whose image was there already, and move their launchers."""
        ended = self._all_ended(
            rebuilds, BuildEvent.SUCCEED, reason="reused", image=image
        )
        launchers = await tx.launchers.some(
            LauncherId(rebuild.launcher_id) for rebuild in ended
        )
        await tx.rebuilds.save_progress(ended)
        await self._recorder.rebuilds_ended(tx, ended)
        await roll_out_all(tx, self._recorder, launchers, ended)

    async def supersede(self, tx: Transaction, rebuilds: Sequence[Rebuild]) -> None:
        """End rebuilds that newer ones of their environments replace."""
        ended = self._all_ended(rebuilds, BuildEvent.SUPERSEDE, reason="superseded")
        await tx.rebuilds.save_progress(ended)
        await self._recorder.rebuilds_ended(tx, ended)

    async def fail(
        self, tx: Transaction, rebuilds: Sequence[Rebuild], failure: Failure
    ) -> None:
        """End rebuilds that no build was made for."""
        reason = failure.kind.word
        ended = self._all_ended(
            rebuilds, BuildEvent.FAIL, reason=reason, failure=failure
        )
        await tx.rebuilds.save_progress(ended)
        await self._recorder.rebuilds_ended(tx, ended)

    def _ended(self, rebuild: Rebuild, build: Build) -> Rebuild:
        is_anothers = build.environment_id != rebuild.environment_id
        if build.image is None or build.state is not BuildState.SUCCEEDED:
            return replace(
                rebuild,
                state=apply_event(rebuild.state, BuildEvent.FAIL),
                failure=build.failure,
                reason=build.failure.kind.word if build.failure else "",
                completed_at=self._clock.now(),
            )
        return replace(
            rebuild,
            state=apply_event(rebuild.state, BuildEvent.SUCCEED),
            image=build.image.reference,
            reason="adopted" if is_anothers else "built",
            completed_at=self._clock.now(),
        )

    def _all_ended(
        self,
        rebuilds: Iterable[Rebuild],
        event: BuildEvent,
        *,
        reason: str,
        image: str | None = None,
        failure: Failure | None = None,
    ) -> Sequence[Rebuild]:
        return [
            replace(
                rebuild,
                state=apply_event(rebuild.state, event),
                reason=reason,
                image=image,
                failure=failure,
                completed_at=self._clock.now(),
            )
            for rebuild in rebuilds
        ]
