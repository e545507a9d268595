"""Finds launchers that are left behind, whatever was lost, and brings them forward.

The evaluation decides for its own source at once. This loop needs nobody to tell it
anything: it asks the ledger who is behind, from the moment its process leads.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

import structlog

from consumers.bell import Bell
from service.domain.launcher import LauncherId
from service.domain.source import SourceId
from service.errors import NotFoundError, TransientError
from service.ports.store import Store
from service.ports.time import Clock
from service.reconciling import Reconciliation

__all__ = ["Reconciler"]

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(seconds=5)
"""Little beside the shortest wait for a retry; where nobody is behind, a round reads
two indexes with nothing in them."""
PAGE: Final = 500
STRANDED: Final = timedelta(minutes=1)
"""A rebuild that a look was asked for longer ago, and that nobody is to look for, was
lost on the way to the agenda."""


class Reconciler:
    """Bring forward whoever is behind.

    Args:
        store: Knows who is.
        clock: Tells the time.
        bell: Rung when there is something to look at.
        reconciliation: Does it for one source.
    """

    def __init__(
        self, *, store: Store, clock: Clock, bell: Bell, reconciliation: Reconciliation
    ) -> None:
        self._store = store
        self._clock = clock
        self._bell = bell
        self._reconciliation = reconciliation

    async def run(self) -> None:
        """Reconcile from time to time until cancelled, first at once."""
        while True:
            try:
                await self.round()
            except TransientError as exc:
                log.warning("reconciliation waits", error=str(exc))
            await self._clock.sleep(EVERY)

    async def round(self) -> None:
        """Bring forward whoever is behind now.

        Raises:
            TransientError: The database did not answer; what was done stands.
        """
        await self._find_stranded()
        last: LauncherId | None = None
        while page := await self._behind(last):
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
        async with self._store.transaction(f"source:{source_id}") as tx:
            try:
                source = await tx.sources.get(source_id)
            except NotFoundError:
                return
            # Read again: since they were found somebody may have decided for them.
            launchers = [
                launcher
                for launcher in await tx.launchers.of_source(source_id)
                if launcher.id in ids
            ]
            await self._reconciliation.reconcile(tx, source, launchers)
        self._bell.ring()

    async def _find_stranded(self) -> None:
        before = self._clock.now() - STRANDED
        async with self._store.reading() as tx:
            stranded = await tx.rebuilds.stranded(before=before)
        for source in stranded:
            async with self._store.transaction() as tx:
                await self._reconciliation.ask_for_look(tx, source)
            log.warning("look asked for again", source=source)
            self._bell.ring()


def _source(found: tuple[LauncherId, SourceId]) -> SourceId:
    return found[1]
