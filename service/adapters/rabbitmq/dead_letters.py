"""The dead queues: looked at without losing anything, one looker at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from service.adapters.rabbitmq.consumer import arriving
from service.adapters.rabbitmq.failures import translated
from service.adapters.rabbitmq.letters import (
    History,
    copied,
    event_in,
    letter_id,
    message_id_of,
)
from service.adapters.rabbitmq.link import Link, opened
from service.adapters.rabbitmq.publisher import Publisher
from service.adapters.rabbitmq.sender import Parcel
from service.adapters.rabbitmq.topology import Topology
from service.errors import NotFoundError, TransientError
from service.ports.bus import DeadLetter

__all__ = ["DeadLetters"]

SHOWN: Final = 1000
"""Of each role; whoever has more has another problem."""

SEARCHED: Final = 65_535
"""How far a letter is looked for: the largest prefetch there is."""

ARRIVES_WITHIN: Final = timedelta(seconds=5)
"""A letter that the broker counted is sent to us at once, or when the looker before us
is gone."""

POLL: Final = timedelta(milliseconds=50)
"""Between looks whether the looker before us is gone: the broker does not tell."""

EPOCH: Final = datetime.fromtimestamp(0, UTC)


class DeadLetters:
    """The dead queues of all roles.

    Args:
        link: The connection.
        publisher: Carries letters back to their roles.
    """

    def __init__(self, *, link: Link, publisher: Publisher) -> None:
        self._link = link
        self._publisher = publisher

    async def list(self, topology: Topology, role: str | None) -> Sequence[DeadLetter]:
        """Return the letters of one role or of all, oldest first."""
        names = [it.name for it in topology.roles if role in (None, it.name)]
        letters = [
            _letter(message, role=name, limit=topology.delivery_limit)
            for name in names
            for message in await self._all(topology.dead_queue(name))
        ]
        return sorted(letters, key=lambda letter: letter.died_at)

    async def requeue(self, topology: Topology, letter: str) -> None:
        """Give a letter to its role again, as new."""
        role, message_id = _parts(topology, letter)
        queue = topology.dead_queue(role)
        async with self._found(queue, message_id, letter) as message:
            again = Parcel(
                id=message_id_of(message),
                exchange="",
                key=topology.queue(role),
                properties=copied(message, None),
                body=message.body,
                mandatory=True,
            )
            await self._publisher.send([again])

    async def drop(self, topology: Topology, letter: str) -> None:
        """Forget a letter."""
        role, message_id = _parts(topology, letter)
        async with self._found(topology.dead_queue(role), message_id, letter):
            pass

    async def _all(self, queue: str) -> Sequence[AbstractIncomingMessage]:
        async with self._looking(queue, prefetch=SHOWN) as messages:
            return [message async for message in messages]

    @asynccontextmanager
    async def _found(
        self, queue: str, message_id: str, letter: str
    ) -> AsyncIterator[AbstractIncomingMessage]:
        """Find a letter; it is gone once the block has ended well."""
        async with self._looking(queue, prefetch=SEARCHED) as messages:
            async for message in messages:
                if letter_id(message) == message_id:
                    yield message
                    with translated("removing a dead letter"):
                        await message.ack()
                    return
        raise NotFoundError(f"there is no dead letter {letter}")

    @asynccontextmanager
    async def _looking(
        self, name: str, *, prefetch: int
    ) -> AsyncIterator[AsyncIterator[AbstractIncomingMessage]]:
        """Read a queue; what is not acknowledged is given back at the end."""
        async with opened(self._link.session()) as channel:
            with translated(f"looking into {name}"):
                await channel.set_qos(prefetch_count=prefetch)
                async with asyncio.timeout(ARRIVES_WITHIN.total_seconds()):
                    queue = await _alone(channel, name)
            count = min(queue.declaration_result.message_count or 0, prefetch)
            async with arriving(channel, queue) as incoming:
                yield _first(count, incoming)


async def _alone(channel: AbstractChannel, name: str) -> AbstractQueue:
    """Wait until nobody else looks: what they hold would not be counted."""
    while True:
        queue = await channel.declare_queue(name, durable=True, passive=True)
        if not queue.declaration_result.consumer_count:
            return queue
        await asyncio.sleep(POLL.total_seconds())


async def _first(
    count: int, messages: AsyncIterator[AbstractIncomingMessage]
) -> AsyncIterator[AbstractIncomingMessage]:
    for _ in range(count):
        try:
            async with asyncio.timeout(ARRIVES_WITHIN.total_seconds()):
                message = await anext(messages)
        except (TimeoutError, StopAsyncIteration) as exc:
            raise TransientError("the dead letters did not arrive") from exc
        yield message


def _parts(topology: Topology, letter: str) -> tuple[str, str]:
    role, _, message_id = letter.partition(".")
    if role not in {it.name for it in topology.roles}:
        raise NotFoundError(f"there is no dead letter {letter}")
    return role, message_id


def _letter(message: AbstractIncomingMessage, *, role: str, limit: int) -> DeadLetter:
    history = History.of({**message.headers, "x-delivery-count": 0})
    if history.died_at is not None:
        error, attempts, died_at = history.error, history.attempts, history.died_at
    else:
        error = f"given back {limit + 1} times by consumers that died or lost it"
        attempts = history.attempts + limit + 1
        died_at = _died_at(message)
    return DeadLetter(
        id=f"{role}.{letter_id(message)}",
        role=role,
        event=event_in(message),
        attempts=attempts,
        error=error,
        died_at=died_at,
    )


def _died_at(message: AbstractIncomingMessage) -> datetime:
    """Read when the broker buried it: https://www.rabbitmq.com/docs/dlx#effects."""
    deaths = message.headers.get("x-death")
    latest = deaths[0] if isinstance(deaths, list) and deaths else None
    at = latest.get("time") if isinstance(latest, dict) else None
    return at if isinstance(at, datetime) else EPOCH
