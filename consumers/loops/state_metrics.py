"""Shows the state of the installation as metrics: one process measures for all."""

from datetime import datetime, timedelta
from typing import Final

from consumers.loops.periodic import run_periodically
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["StateMetrics"]

INTERVAL: Final = timedelta(seconds=15)
"""As often as Prometheus asks, about; each round reads a dozen indexed counts."""


# In the leader alone: sums over processes would count everything as often as there are
# consumers.
class StateMetrics:
    """Read what waits, in the database and on the bus, and show it."""

    def __init__(
        self, *, store: Store, bus: Bus, clock: Clock, metrics: Metrics
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Measure until cancelled; who does not lead any more shows nothing."""
        try:
            await run_periodically(
                self.measure,
                clock=self._clock,
                failure="metrics of the state wait",
                every=INTERVAL,
            )
        finally:
            self._metrics.forget_state()

    async def measure(self) -> None:
        """Read and show the state.

        Raises:
            TransientError: The database or the bus did not answer.
        """
        now = self._clock.now()
        async with self._store.reading() as tx:
            found = await tx.state.read(now)
            outdated = await tx.launchers.count_without_build()
        self._metrics.state(
            leading=1,
            outbox=found.outbox_events,
            outbox_age=_age(found.outbox_oldest, now),
            due=found.evaluations_due,
            due_age=_age(found.evaluation_oldest_due, now),
            sweep_lag=_age(found.sweep_oldest_due, now),
            queued_age=_age(found.build_oldest_queued, now),
            outdated=outdated,
        )
        self._metrics.unfinished_builds(
            queued=found.builds_queued, running=found.builds_running
        )
        self._metrics.hooks(
            healthy=found.hooks_healthy,
            unhealthy=found.hooks_unhealthy,
            unchecked=found.hooks_unchecked,
        )
        for depth in await self._bus.depths():
            self._metrics.queue(role=depth.role, waiting=depth.waiting, dead=depth.dead)


def _age(since: datetime | None, now: datetime) -> float:
    return 0 if since is None else max((now - since).total_seconds(), 0)
