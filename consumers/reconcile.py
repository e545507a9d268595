"""Finds launchers that are left behind, whatever was lost, and brings them forward.

The evaluation decides for its own source at once. This loop needs no event
anything: it asks the ledger who is behind, from the moment its process leads.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from consumers.loops.wakeup import Wakeup
from consumers.rollout import Rollout
from service.domain.launcher import LauncherId
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.ports.store import Store
from service.ports.time import Clock
from service.usecases.reconcile import Reconciliation

__all__ = ["Reconciler"]

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(seconds=5)
"""Little beside the shortest wait for a retry; where nobody is behind, a round reads
two indexes with nothing in them."""
PAGE: Final = 500
STRANDED: Final = timedelta(minutes=1)
"""A rebuild whose evaluation was requested longer ago, and is requested no more, was
lost on the way to the evaluation queue."""


# One, in the process that leads. It remembers nothing between rounds: who is behind is
# a query, so what was lost in a crash, a queue or a deleted event is found within one
# round.
class Reconciler:
    """Bring forward whoever is behind.

    Args:
        store: Knows who is.
        clock: Gives the time.
        wakeup: Notified when there is something to evaluate.
        reconciliation: Does it for one source.
        rollout: Goes on where a build's launchers were left half-way.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        wakeup: Wakeup,
        reconciliation: Reconciliation,
        rollout: Rollout,
    ) -> None:
        self._store = store
        self._clock = clock
        self._wakeup = wakeup
        self._reconciliation = reconciliation
        self._rollout = rollout

    async def run(self) -> None:
        """Reconcile from time to time until cancelled, first at once."""
        await run_periodically(
            self.round, clock=self._clock, failure="reconciliation waits", every=EVERY
        )

    async def round(self) -> None:
        """Bring forward whoever is behind now.

        Raises:
            TransientError: The database did not answer; what was done stands.
        """
        await self._rollout.resume()
        await self._find_stranded()
        last: LauncherId | None = None
        while page := await self._behind(last):
            # Paged by id and not by offset: launchers leave the result while it is
            # read, since reconciling one takes it out of the index.
            last = page[-1][0]
            for source, launchers in groupby(sorted(page, key=_source), key=_source):
                await self._reconcile(source, {launcher for launcher, _ in launchers})

    async def _behind(
        self, after: LauncherId | None
    ) -> Sequence[tuple[LauncherId, SourceId]]:
        async with self._store.reading() as tx:
            return await tx.launchers.behind(
                now=self._clock.now(), limit=PAGE, after=after
            )

    async def _reconcile(self, source_id: SourceId, ids: set[LauncherId]) -> None:
        # The evaluation's own lock, so that a launcher gets one rebuild when a push and
        # this loop notice it at the same moment.
        async with self._store.transaction(f"source:{source_id}") as tx:
            try:
                source = await tx.sources.get(source_id)
            except NotFoundError:
                return
            # Read again: since they were found somebody may have decided for them.
            launchers = [
                launcher
                for launcher in await tx.launchers.get_many(ids)
                if launcher.source_id == source_id
            ]
            await self._reconciliation.reconcile(tx, source, launchers)
        self._wakeup.notify()

    async def _find_stranded(self) -> None:
        before = self._clock.now() - STRANDED
        async with self._store.reading() as tx:
            # A rebuild is committed together with its event, so this takes a broker
            # that lost what it had confirmed. The row then waits for an evaluation that
            # nobody is asked for.
            stranded = await tx.rebuilds.stranded(before=before)
        for source in stranded:
            async with self._store.transaction() as tx:
                await self._reconciliation.ask_for_look(tx, source)
            log.warning("evaluation requested again", source=source)
            self._wakeup.notify()


def _source(found: tuple[LauncherId, SourceId]) -> SourceId:
    return found[1]
