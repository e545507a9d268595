"""Asks for a look at every source from time to time: a lost delivery costs minutes.

Sources are spread over the interval, so that a sweep is no storm.
"""

from datetime import timedelta

import structlog

from consumers.bell import Bell
from service.domain.agenda import Look, Pace
from service.domain.push import Evidence
from service.errors import TransientError
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Sweep"]

log = structlog.get_logger(__name__)


class Sweep:
    """Ask for every source once per interval."""

    def __init__(
        self, *, store: Store, clock: Clock, interval: timedelta, pace: Pace, bell: Bell
    ) -> None:
        self._store = store
        self._clock = clock
        self._interval = interval
        self._pace = pace
        self._bell = bell

    async def run(self) -> None:
        """Sweep until cancelled; at once after a start: who knows what was missed."""
        while True:
            try:
                await self.sweep()
            except TransientError as exc:
                log.warning("sweep waits", error=str(exc))
                await self._clock.sleep(min(self._interval, timedelta(seconds=30)))

    async def sweep(self) -> None:
        """Ask for every source, spread over one interval.

        Raises:
            TransientError: The database did not answer.
        """
        async with self._store.reading() as tx:
            sources = await tx.sources.list()
        if not sources:
            await self._clock.sleep(self._interval)
            return
        for source in sources:
            look = Look(
                source_id=source.id,
                evidence=Evidence.SWEEP,
                asked_at=self._clock.now(),
            )
            async with self._store.transaction() as tx:
                await tx.agenda.ask(look, pace=self._pace)
            self._bell.ring()
            await self._clock.sleep(self._interval / len(sources))
