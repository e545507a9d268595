"""Makes an accepted push durable: the bus, or the spool, or else nobody says 202."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from service.errors import TransientError
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.store import Store
from service.wire import Event

__all__ = ["Keeper"]

log = structlog.get_logger(__name__)

_RETRY_AFTER: Final = timedelta(seconds=30)


class Keeper:
    """Hand events to the bus, and to the database when the bus is away.

    Args:
        store: Its outbox is the spool; a relay drains it into the bus.
        bus: Where events belong.
        metrics: Counts what was spooled.
        budget: How long each of the two may take. Together with reading the body they
            stay within the ten seconds after which forges give up.
    """

    def __init__(
        self, *, store: Store, bus: Bus, metrics: Metrics, budget: timedelta
    ) -> None:
        self._store = store
        self._bus = bus
        self._metrics = metrics
        self._budget = budget

    async def keep(self, event: Event) -> None:
        """Return once the event is durable; it may then be carried twice.

        Raises:
            TransientError: Neither the bus nor the database took it.
        """
        try:
            async with asyncio.timeout(self._budget.total_seconds()):
                await self._bus.publish([event])
        except (TransientError, TimeoutError) as exc:
            log.warning("bus did not confirm", event_id=event.id, error=str(exc))
            await self._spool(event)

    async def _spool(self, event: Event) -> None:
        try:
            async with (
                asyncio.timeout(self._budget.total_seconds()),
                self._store.transaction() as tx,
            ):
                await tx.outbox.add([event])
        except (TransientError, TimeoutError) as exc:
            raise TransientError(
                "neither the bus nor the database took the delivery",
                retry_after=_RETRY_AFTER,
            ) from exc
        self._metrics.spooled()
