"""Settings that an operator corrected: what failed for want of them is tried at once.

Growing waits would come to the same end, up to an hour later. Whoever begins to lead
compares its settings with those of the last leader, so no operator has to do anything.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final

import structlog

from consumers.building.transitions import BuildTransitions
from consumers.loops.supervisor import isolate
from consumers.loops.wakeup import Wakeup
from service.domain.building.build import Build, BuildId, BuildState, Rebuild
from service.domain.building.failure import FailureClass
from service.domain.launcher import LauncherId
from service.domain.reconciliation import Anew
from service.domain.source import SourceId
from service.errors import NotFoundError, TransientError
from service.ports.builder import Builder
from service.ports.store import LOCK_SCHEDULE, SETTINGS, Store
from service.ports.time import Clock
from service.usecases.reconcile import Reconciliation

__all__ = ["SettingsChange"]

log = structlog.get_logger(__name__)

PAGE: Final = 500
AFTER_TROUBLE: Final = timedelta(seconds=5)
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNREAD: Final = (FailureClass.CLONE_FAILED.word, FailureClass.NETWORK.word)
LONG: Final = timedelta(days=1)
"""Settings stay what they are while a process lives."""


# One, in the process that leads. It acts once for each leader and change; the
# fingerprint on record is what makes the next leader with equal settings do nothing.
class SettingsChange:
    """Try again what failed by what an operator sets, once that is set otherwise.

    Args:
        store: Knows what failed, and the fingerprint of the settings of then.
        builder: Lets go of builds that wait for what the settings of then name.
        clock: Gives the time.
        wakeup: Notified when there is something to evaluate.
        transitions: Gives builds back to the queue.
        reconciliation: Asks for what launchers want.
        fingerprint: Of the settings of this process.
    """

    def __init__(
        self,
        *,
        store: Store,
        builder: Builder,
        clock: Clock,
        wakeup: Wakeup,
        transitions: BuildTransitions,
        reconciliation: Reconciliation,
        fingerprint: str,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._wakeup = wakeup
        self._transitions = transitions
        self._reconciliation = reconciliation
        self._fingerprint = fingerprint

    async def run(self) -> None:
        """Compare once; then there is nothing to do until the next start."""
        while not await self._is_settled():
            await self._clock.sleep(AFTER_TROUBLE)
        # A loop that ends is started again by `supervise` and logged as an error, so it
        # has to stay although its work is done.
        while True:
            await self._clock.sleep(LONG)

    async def _is_settled(self) -> bool:
        try:
            await self.compare()
        except TransientError as exc:
            log.warning("settings not compared", error=str(exc))
            return False
        return True

    async def compare(self) -> None:
        """Try again what failed under other settings; the first ones are no others.

        Raises:
            TransientError: The database or the builder did not answer; it is done
                again, which changes nothing that was done.
        """
        async with self._store.reading() as tx:
            known = await tx.bases.fingerprint(SETTINGS)
        if known == self._fingerprint:
            return
        if known is not None:
            log.info("settings changed, what failed by them is tried again")
            await self._free_builds()
            await self._free_launchers()
            await self._evaluate_unreadable()
            self._wakeup.notify()
        async with self._store.transaction() as tx:
            # Last: a leader that dies in between leaves the former fingerprint, and the
            # next one repeats all of it, which changes nothing that was done.
            await tx.bases.save_fingerprint(
                SETTINGS, self._fingerprint, at=self._clock.now()
            )

    async def _free_builds(self) -> None:
        """Have builds start now that wait for a retry, or for something to be there."""
        async with self._store.reading() as tx:
            builds = await tx.builds.unfinished()
        for build in builds:
            if build.failure is None or not build.failure.kind.depends_on_settings:
                continue
            with isolate("build not tried at once", build=build.id):
                await self._free(build)

    async def _free(self, build: Build) -> None:
        if build.state is BuildState.RUNNING:
            # Made by the settings of then, it would wait for what those name.
            # Before the row is put back: a Job that mounts a Secret of the old name
            # would otherwise go on waiting beside the new attempt.
            await self._builder.cancel(build.id)
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            current = await tx.builds.get(BuildId(build.id))
            # The list was read without the lock; a build that ended or was retried
            # meanwhile has its own way already.
            is_same = current.attempt == build.attempt and current.state is build.state
            if is_same and current.failure is not None:
                now = self._clock.now()
                await self._transitions.begin_again(tx, current, at=now)

    async def _free_launchers(self) -> None:
        last: LauncherId | None = None
        while True:
            async with self._store.reading() as tx:
                page = await tx.launchers.on_hold(limit=PAGE, after=last)
            if not page:
                return
            last = page[-1][0]
            ordered = sorted(page, key=lambda found: found[1])
            for source, found in groupby(ordered, key=lambda found: found[1]):
                await self._reconcile(source, {launcher for launcher, _ in found})

    async def _evaluate_unreadable(self) -> None:
        """Evaluate repositories that could not be read, as without a right token."""
        last: Rebuild | None = None
        while True:
            async with self._store.reading() as tx:
                # All pages: the first version read one of 500, and larger installations
                # kept repositories unreadable until the sweep came round, hours later.
                page = await tx.rebuilds.failed(
                    since=_EVER, reasons=_UNREAD, limit=PAGE, after=last
                )
            if not page.items:
                return
            last = page.items[-1]
            for source in sorted(_unread(page)):
                async with self._store.transaction() as tx:
                    await self._reconciliation.ask_for_look(tx, source)

    async def _reconcile(self, source_id: SourceId, ids: Iterable[LauncherId]) -> None:
        async with self._store.transaction(f"source:{source_id}") as tx:
            try:
                source = await tx.sources.get(source_id)
            except NotFoundError:
                return
            launchers = [
                launcher
                for launcher in await tx.launchers.get_many(ids)
                if launcher.source_id == source_id
            ]
            await self._reconciliation.reconcile(
                tx, source, launchers, anew=Anew.SETTINGS
            )


def _unread(failed: Iterable[Rebuild]) -> set[SourceId]:
    """Return the sources of which nothing is known, not even what to build."""
    return {SourceId(rebuild.source_id) for rebuild in failed if rebuild.plan is None}
