"""A bus whose events become spans: what is durable stays so, whatever spans do."""

from collections.abc import Iterable

from service.adapters.clock import SystemClock
from service.adapters.traced_bus import TracedBus
from service.events.trace import Span
from tests.contracts.test_bus import an_event
from tests.support.memory import MemoryBus


class BrokenTracer:
    """Breaks its promise."""

    def record(self, spans: Iterable[Span]) -> None:
        raise RuntimeError(f"the exporter is broken: {spans}")


async def test_a_tracer_that_fails_fails_no_publication() -> None:
    inner, event = MemoryBus(), an_event()
    bus = TracedBus(inner, tracer=BrokenTracer(), clock=SystemClock())

    await bus.publish([event])

    assert inner.events == [event]
