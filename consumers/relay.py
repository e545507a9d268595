"""Publishes what transactions left in the outbox: committed first, then told."""

from datetime import timedelta
from typing import Final

import structlog

from consumers.bell import Bell
from service.errors import TransientError
from service.ports.bus import Bus
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Relay"]

log = structlog.get_logger(__name__)

BATCH: Final = 200
POLL: Final = timedelta(seconds=1)
"""How late an event of another process may be; our own ring the bell."""
AFTER_TROUBLE: Final = timedelta(seconds=2)


class Relay:
    """Carry events from the outbox to the bus, oldest first, at least once."""

    def __init__(self, *, store: Store, bus: Bus, clock: Clock, bell: Bell) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._bell = bell

    async def run(self) -> None:
        """Relay until cancelled."""
        while True:
            try:
                moved = await self.relay()
            except TransientError as exc:
                log.warning("outbox waits", error=str(exc))
                await self._clock.sleep(AFTER_TROUBLE)
                continue
            if not moved:
                await self._bell.wait(at_most=POLL)

    async def relay(self) -> int:
        """Publish one batch; return how many events it held.

        Raises:
            TransientError: The bus or the database did not answer; nothing is lost.
        """
        async with self._store.reading() as tx:
            waiting = await tx.outbox.take(limit=BATCH)
        if not waiting:
            return 0
        await self._bus.publish([event for _, event in waiting])
        async with self._store.transaction() as tx:
            await tx.outbox.remove([place for place, _ in waiting])
        return len(waiting)
