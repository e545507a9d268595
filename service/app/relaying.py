"""The loop of every process that commits events."""

from consumers.guard import Loop
from consumers.relay import Relay
from service.app.engines import Engines

__all__ = ["relay"]


def relay(engines: Engines) -> Loop:
    """Return the loop that carries the outbox to the bus."""
    return Relay(
        store=engines.store,
        bus=engines.bus,
        clock=engines.clock,
        bell=engines.bell,
        owner=engines.ids.new(),
    ).run
