"""Publish the events that transactions left in the outbox: committed first.

Every process has a relay, and one at a time works: it holds a lease while it has
something to carry. So a backlog is carried once and in order, however many wait for
the broker to come back.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from consumers.loops.wakeup import Wakeup
from service.errors import TransientError
from service.events.envelope import Event
from service.ports.bus import Bus
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["OutboxRelay"]

log = structlog.get_logger(__name__)

NAME: Final = "relay"
LEASE: Final = timedelta(seconds=10)
"""Longer than the bus may take over a batch. A relay that was killed holds events up
for so long; one that takes longer is overtaken, and events are carried twice."""
BATCH: Final = 200
"""At most. What a slow bus does not confirm in time is tried again by halves: it would
otherwise be sent whole again and again, and never be carried."""
POLL: Final = timedelta(seconds=5)
"""How late an event of another process may be; our own notify."""
AFTER_TROUBLE: Final = timedelta(seconds=2)


# One in every process that commits events. The outbox is what survives: an event stays
# there until the bus has confirmed it, whichever process wrote it.
class OutboxRelay:
    """Carry events from the outbox to the bus, oldest first, at least once.

    Args:
        store: Where the outbox is.
        bus: Where events belong.
        clock: Gives the time at which leases end.
        wakeup: Notified when this process committed events.
        owner: This process.
    """

    def __init__(
        self, *, store: Store, bus: Bus, clock: Clock, wakeup: Wakeup, owner: str
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._wakeup = wakeup
        self._owner = owner
        self._batch = BATCH

    async def run(self) -> None:
        """Relay until cancelled."""
        await run_periodically(
            self._relay_or_wait,
            clock=self._clock,
            failure="outbox waits",
            after_failure=AFTER_TROUBLE,
        )

    async def _relay_or_wait(self) -> None:
        if not await self.relay():
            await self._wakeup.wait(at_most=POLL)

    async def relay(self) -> int:
        """Publish one batch; return how many events it held.

        It publishes nothing while another relay is at it.

        Raises:
            TransientError: The bus or the database did not answer; nothing is lost.
        """
        async with self._store.reading(is_single=True) as tx:
            # A read before the lease: most wake-ups find an empty outbox, and taking
            # the lease is a write that all processes would do every POLL.
            if not await tx.outbox.peek(limit=1):
                return 0
        batch = await self._begin()
        if not batch:
            return 0
        try:
            await self._bus.publish([event for _, event in batch])
        # Also when cancelled: a relay that stops in the middle returns the lease, and
        # the next process does not have to wait for it to run out.
        except BaseException as exc:
            self._batch = max(1, len(batch) // 2)
            if isinstance(exc, Exception) and not isinstance(exc, TransientError):
                # Halved until one event is left: a broker refuses a batch as a whole
                # and does not name the event at fault.
                return await self._set_behind(batch, exc)
            await self._end(())
            raise
        # Grows back by doubling: after an outage of the broker a batch of one would
        # carry a backlog of thousands at one confirm each.
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
            # At the end of the outbox first and removed from its place afterwards:
            # dying in between leaves it twice, never nowhere.
            await tx.outbox.add([event])
        await self._end([place])
        return 0

    async def _begin(self) -> Sequence[tuple[int, Event]]:
        """Take the lease and a batch; nothing when another relay has the lease."""
        async with self._store.transaction() as tx:
            is_ours = await tx.leases.acquire(
                NAME, owner=self._owner, now=self._clock.now(), length=LEASE
            )
            # In the transaction of the lease, so what was read belongs to its holder.
            # Rows are removed after the confirm only.
            return await tx.outbox.peek(limit=self._batch) if is_ours else ()

    async def _end(self, carried: Sequence[int]) -> None:
        """Forget what was carried, and let the next relay work."""
        async with self._store.transaction() as tx:
            await tx.outbox.remove(carried)
            await tx.leases.release(NAME, owner=self._owner)
