"""The loop of every process that commits events."""

from consumers.loops.supervisor import Loop
from consumers.outbox_relay import OutboxRelay
from service.app.engines import Engines

__all__ = ["relay"]


def relay(engines: Engines) -> Loop:
    """Return the loop that carries the outbox to the bus."""
    return OutboxRelay(
        store=engines.store,
        bus=engines.bus,
        clock=engines.clock,
        wakeup=engines.wakeup,
        owner=engines.ids.new(),
    ).run
