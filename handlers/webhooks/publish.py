"""Make an accepted push durable, on the bus or in the outbox, before the 202."""

import asyncio
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from handlers.webhooks.events import Arrival, event_of, events_of_refs
from service.errors import TransientError
from service.events.envelope import Event, data_of
from service.events.models import PushReceived
from service.events.trace import trace_id_of
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.store import Store
from service.ports.time import Ids

__all__ = ["DurablePublisher", "SharingPublisher"]

log = structlog.get_logger(__name__)

_RETRY_AFTER: Final = timedelta(seconds=30)
MAX_SHARED: Final = 100
"""Arrivals in one event, of some 300 bytes each: an event stays a small message."""


class DurablePublisher:
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

    async def publish(self, events: Sequence[Event]) -> None:
        """Return once all of the events are durable; they may then be carried twice.

        They share one confirm, or else one transaction, so that a delivery of many refs
        takes no longer than a delivery of one.

        Raises:
            TransientError: Neither the bus nor the database took them.
        """
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._budget.total_seconds()):
                await self._bus.publish(events)
            self._count("confirmed", began)
        # The bus may have taken them all the same, and the confirm was lost. The outbox
        # then publishes them once more: twice is harmless, as events are evaluated by
        # their ref; never would be a lost push.
        except (TransientError, TimeoutError) as exc:
            ids = [event.id for event in events]
            traces = [trace_id_of(event.traceparent) for event in events]
            self._count("unconfirmed", began)
            log.warning(
                "bus did not confirm",
                event_ids=ids,
                deliveries=_deliveries(events),
                traces=traces,
                error=str(exc),
            )
            await self._spool(events)

    def _count(self, outcome: str, began: float) -> None:
        self._metrics.published(outcome=outcome, seconds=time.perf_counter() - began)

    async def _spool(self, events: Sequence[Event]) -> None:
        try:
            # A transaction of its own with the same limit as the bus. With reading the
            # body both together stay within ten seconds, after which GitHub closes the
            # connection and counts the delivery as failed.
            async with (
                asyncio.timeout(self._budget.total_seconds()),
                self._store.transaction() as tx,
            ):
                await tx.outbox.add(events)
        except (TransientError, TimeoutError) as exc:
            raise TransientError(
                "neither the bus nor the database took the delivery",
                retry_after=_RETRY_AFTER,
            ) from exc
        for _ in events:
            self._metrics.spooled()


def _deliveries(events: Sequence[Event]) -> list[str]:
    """Return the deliveries of events, also those that share one."""
    return [
        name
        for data in map(data_of, events)
        if isinstance(data, PushReceived)
        for name in (*(one.delivery_id for one in data.earlier), data.delivery_id)
        if name
    ]


class _GivenUpError(Exception):
    """Whoever was to publish for all has left; those who wait begin again."""


@dataclass(slots=True)
class _Shared:
    """Arrivals that one event will stand for, and who waits for it."""

    arrivals: list[Arrival] = field(default_factory=list)
    waiters: list[asyncio.Future[None]] = field(default_factory=list)

    async def wait(self) -> None:
        """Wait until the event is kept; raises why it is not."""
        # A future for each: who leaves early takes the answer from nobody. To shield
        # one that all have costs a storm seven times as much.
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        await waiter

    def settle(self, error: Exception | None = None) -> None:
        """Let go whoever still waits."""
        for waiter in self.waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)


@dataclass(slots=True)
class _Ref:
    """A ref of which events are being published."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    next: _Shared | None = None
    users: int = 0


# One per receiver. A storm of deliveries of one ref made as many messages, each with
# its confirm, its transaction and its evaluation request; a queue that grows by them
# slows the broker down, and so every other delivery.
class SharingPublisher:
    """Publish arrivals; those of one ref that come meanwhile share the next event.

    Nobody waits for others to come: the first arrival is published at once, and who
    comes during that waits for its end and for one event more, whatever their number.

    Args:
        publisher: Makes events durable.
        ids: Names events.
        budget: How long an arrival waits for the event before its own. Then it is
            published beside it: a bus that hangs delays nobody twice.
    """

    def __init__(
        self, *, publisher: DurablePublisher, ids: Ids, budget: timedelta
    ) -> None:
        self._publisher = publisher
        self._ids = ids
        self._budget = budget
        self._refs: dict[Hashable, _Ref] = {}

    @property
    def refs(self) -> int:
        """Return of how many refs events are being published."""
        return len(self._refs)

    async def publish(self, arrivals: Sequence[Arrival]) -> None:
        """Return once all of the arrivals are durable.

        Raises:
            TransientError: Neither the bus nor the database took them.
        """
        if len(arrivals) != 1:
            # Of several refs: they share one confirm, and no event with others.
            await self._publisher.publish(events_of_refs(arrivals, ids=self._ids))
            return
        [arrival] = arrivals
        key = arrival.key
        ref = self._refs.setdefault(key, _Ref())
        ref.users += 1
        try:
            await self._publish_one(ref, arrival)
        finally:
            ref.users -= 1
            if not ref.users:
                del self._refs[key]

    async def _publish_one(self, ref: _Ref, arrival: Arrival) -> None:
        while True:
            shared = ref.next
            if shared is None or len(shared.arrivals) >= MAX_SHARED:
                ref.next = shared = _Shared(arrivals=[arrival])
                await self._publish(ref, shared)
                return
            shared.arrivals.append(arrival)
            try:
                await shared.wait()
            except _GivenUpError:
                continue
            return

    async def _publish(self, ref: _Ref, shared: _Shared) -> None:
        """Publish for all who joined; whatever happens, nobody is left waiting."""
        is_turn = False
        try:
            is_turn = await self._take_turn(ref)
            # Nobody joins from here on: the event is written.
            self._close(ref, shared)
            await self._publisher.publish([event_of(shared.arrivals, ids=self._ids)])
            shared.settle()
        except TransientError as exc:
            shared.settle(exc)
            raise
        except BaseException:
            # The publisher is some request's task and may be cancelled: the others are
            # no part of that, and begin again.
            shared.settle(_GivenUpError())
            raise
        finally:
            self._close(ref, shared)
            if is_turn:
                ref.turn.release()

    async def _take_turn(self, ref: _Ref) -> bool:
        if not ref.turn.locked():
            return await ref.turn.acquire()
        try:
            async with asyncio.timeout(self._budget.total_seconds()):
                return await ref.turn.acquire()
        except TimeoutError:
            log.info("an event is published beside a slow one of its ref")
            return False

    def _close(self, ref: _Ref, shared: _Shared) -> None:
        if ref.next is shared:
            ref.next = None
