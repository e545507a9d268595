"""RabbitMQ as the bus, set up by the settings."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.settings import Broker
from service.ports.bus import Role
from service.ports.time import Clock
from service.settings import Settings

__all__ = ["broker_of", "open_rabbitmq"]


def open_rabbitmq(
    settings: Settings, *, roles: Sequence[Role], clock: Clock
) -> AbstractAsyncContextManager[RabbitBus]:
    """Open the bus that `RELAUNCH_BUS` names.

    Raises:
        PermanentError: The broker refuses us, or its queues are not as they must be.
    """
    return RabbitBus.open(broker_of(settings), roles=roles, clock=clock)


def broker_of(settings: Settings) -> Broker:
    """Return where the bus is that `RELAUNCH_BUS` names, and how it is used."""
    if settings.bus is None:
        raise ValueError("no bus is set")
    amqp = settings.amqp
    return Broker(
        url=settings.bus.get_secret_value(),
        prefix=amqp.prefix,
        declare=amqp.declare,
        ca_file=amqp.ca_file,
        certificate_file=amqp.cert_file,
        key_file=amqp.key_file,
        heartbeat=amqp.heartbeat,
        confirm_within=settings.receive.publish_deadline,
    )
