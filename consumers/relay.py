"""Publishes what transactions left in the outbox: committed first, then told.

Every process has a relay, and one at a time works: it holds a lease while it has
something to carry. So a backlog is carried once and in order, however many wait for
the broker to come back.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from consumers.bell import Bell
from service.errors import TransientError
from service.ports.bus import Bus
from service.ports.store import Store
from service.ports.time import Clock
from service.wire import Event

__all__ = ["Relay"]

log = structlog.get_logger(__name__)

NAME: Final = "relay"
LEASE: Final = timedelta(seconds=10)
"""Longer than the bus may take over a batch. A relay that was killed holds events up
for so long; one that takes longer is overtaken, and events are carried twice."""
BATCH: Final = 200
"""At most. What a slow bus does not confirm in time is tried again by halves: it would
otherwise be sent whole again and again, and never be carried."""
POLL: Final = timedelta(seconds=5)
"""How late an event of another process may be; our own ring the bell."""
AFTER_TROUBLE: Final = timedelta(seconds=2)


class Relay:
    """Carry events from the outbox to the bus, oldest first, at least once.

    Args:
        store: Where the outbox is.
        bus: Where events belong.
        clock: Tells when leases end.
        bell: Rung when this process committed events.
        owner: This process.
    """

    def __init__(
        self, *, store: Store, bus: Bus, clock: Clock, bell: Bell, owner: str
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._bell = bell
        self._owner = owner
        self._batch = BATCH

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

        It publishes nothing while another relay is at it.

        Raises:
            TransientError: The bus or the database did not answer; nothing is lost.
        """
        async with self._store.reading() as tx:
            if not await tx.outbox.take(limit=1):
                return 0
        batch = await self._begin()
        if not batch:
            return 0
        try:
            await self._bus.publish([event for _, event in batch])
        except BaseException as exc:
            self._batch = max(1, len(batch) // 2)
            if isinstance(exc, Exception) and not isinstance(exc, TransientError):
                return await self._set_behind(batch, exc)
            await self._end(())
            raise
        self._batch = min(BATCH, 2 * self._batch)
        await self._end([place for place, _ in batch])
        return len(batch)

    async def _set_behind(
        self, batch: Sequence[tuple[int, Event]], exc: Exception
    ) -> int:
        """Find the event that the bus cannot take, and let all others go first.

        It stays in the outbox and is tried again after them: events may come in any
        order, and nothing is thrown away.
        """
        if len(batch) > 1:
            await self._end(())
            return 1
        [(place, event)] = batch
        log.error(
            "event not published", event_id=event.id, type=event.type, exc_info=exc
        )
        async with self._store.transaction() as tx:
            await tx.outbox.add([event])
        await self._end([place])
        return 0

    async def _begin(self) -> Sequence[tuple[int, Event]]:
        """Take the lease and a batch; nothing when another relay has the lease."""
        async with self._store.transaction() as tx:
            is_ours = await tx.leases.take(
                NAME, owner=self._owner, now=self._clock.now(), length=LEASE
            )
            return await tx.outbox.take(limit=self._batch) if is_ours else ()

    async def _end(self, carried: Sequence[int]) -> None:
        """Forget what was carried, and let the next relay work."""
        async with self._store.transaction() as tx:
            await tx.outbox.remove(carried)
            await tx.leases.release(NAME, owner=self._owner)
