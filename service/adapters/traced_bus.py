"""A bus whose published events become spans."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import structlog

from service.events.envelope import Event
from service.events.spans import spans_of
from service.ports.bus import Bus, DeadLetter, Message, QueueDepth, Role, StreamPosition
from service.ports.time import Clock
from service.ports.tracing import Tracer

__all__ = ["TracedBus"]

log = structlog.get_logger(__name__)


# Every event of ours goes through `publish`, in receivers and in the outbox relay: what
# a span says is durable then. An event that is carried twice gives the same span ids.
class TracedBus:
    """Any bus; what it confirmed is recorded.

    Args:
        bus: Does the work.
        tracer: Takes the spans.
        clock: Gives the times of publications.
    """

    def __init__(self, bus: Bus, *, tracer: Tracer, clock: Clock) -> None:
        self._bus = bus
        self._tracer = tracer
        self._clock = clock

    async def publish(self, events: Sequence[Event]) -> None:
        began = self._clock.now()
        await self._bus.publish(events)
        # Not reached when the bus does not confirm: the relay publishes the event, and
        # its span begins then.
        ended = self._clock.now()
        # No trace is worth an event. They are durable by now: whoever is told that they
        # are not publishes them once more, or answers a forge with an error.
        try:
            self._tracer.record(
                span
                for event in events
                for span in spans_of(event, began=began, ended=ended)
            )
        except Exception as exc:
            log.error("spans not recorded", exc_info=exc)

    def messages(self, role: Role, *, prefetch: int) -> AsyncGenerator[Message, None]:
        return self._bus.messages(role, prefetch=prefetch)

    def tail(self, after: str | None = None) -> AsyncIterator[Event | StreamPosition]:
        return self._bus.tail(after)

    async def ping(self) -> None:
        await self._bus.ping()

    async def dead_letters(self, role: str | None = None) -> Sequence[DeadLetter]:
        return await self._bus.dead_letters(role)

    async def depths(self) -> Sequence[QueueDepth]:
        return await self._bus.depths()

    async def requeue(self, letter: str) -> None:
        await self._bus.requeue(letter)

    async def drop(self, letter: str) -> None:
        await self._bus.drop(letter)
