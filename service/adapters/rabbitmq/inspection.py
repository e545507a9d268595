"""Inspect a broker before the service starts: nothing is declared there."""

import aio_pika
from yarl import URL

from service.adapters.rabbitmq.errors import leave_quietly, translate_errors
from service.adapters.rabbitmq.settings import Broker
from service.errors import ServiceError

__all__ = ["inspect_broker"]


async def inspect_broker(broker: Broker) -> str:
    """Check which hosts of a broker answer.

    Raises:
        TransientError: One does not answer.
        PermanentError: The address cannot be read, or a host refuses us.
    """
    found = []
    failures: list[ServiceError] = []
    for address in broker.addresses():
        try:
            found.append(await _look(broker, address))
        except ServiceError as exc:
            failures.append(exc)
    if failures:
        raise failures[0]
    return f"{', '.join(found)} answers"


async def _look(broker: Broker, address: URL) -> str:
    place = f"{address.host}:{address.port}{address.path}"
    with translate_errors(f"connecting to {place}"):
        connection = await aio_pika.connect(
            address,
            ssl_context=broker.tls(),
            timeout=broker.connect_within.total_seconds(),
        )
    with leave_quietly():
        await connection.close()
    return place
