"""Inspect a broker before the service starts: nothing is declared there."""

from collections.abc import Sequence
from dataclasses import dataclass

import aio_pika
from yarl import URL

from service.adapters.rabbitmq.errors import leave_quietly, translate_errors
from service.adapters.rabbitmq.settings import Broker
from service.errors import ServiceError

__all__ = ["BrokerInspection", "inspect_broker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerInspection:
    """Which hosts of a broker answer, and what the others do instead."""

    answering: Sequence[str]
    away: Sequence[str]


async def inspect_broker(broker: Broker) -> BrokerInspection:
    """Ask every host of a broker.

    Raises:
        TransientError: None answers.
        PermanentError: The address cannot be read, or all hosts refuse us.
    """
    found = []
    failures: list[ServiceError] = []
    for address in broker.addresses():
        try:
            found.append(await _look(broker, address))
        except ServiceError as exc:
            failures.append(exc)
    if not found:
        raise failures[0]
    return BrokerInspection(answering=found, away=[str(exc) for exc in failures])


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
