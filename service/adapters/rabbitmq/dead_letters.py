"""The dead queues: read without losing anything, one reader at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from service.adapters.rabbitmq.arrivals import arriving
from service.adapters.rabbitmq.connection import BrokerConnection, open_connection
from service.adapters.rabbitmq.errors import translate_errors
from service.adapters.rabbitmq.messages.headers import (
    MessageHistory,
    copied,
    event_in,
    letter_id,
    message_id_of,
)
from service.adapters.rabbitmq.publisher import Publisher
from service.adapters.rabbitmq.sender import OutgoingMessage
from service.adapters.rabbitmq.topology import Topology
from service.errors import NotFoundError, TransientError
from service.ports.bus import DeadLetter

__all__ = ["DeadLetters", "history_of_letter"]

SHOWN: Final = 1000
"""Of each role; whoever has more has another problem."""

SEARCHED: Final = 65_535
"""How far a dead letter is searched for: the largest prefetch there is."""

ARRIVES_WITHIN: Final = timedelta(seconds=5)
"""A letter that the broker counted is sent to us at once, or when the looker before us
is gone."""

POLL: Final = timedelta(milliseconds=50)
"""Between attempts to become the exclusive consumer: the broker sends no event when
the one before is gone."""

EPOCH: Final = datetime.fromtimestamp(0, UTC)


# One per bus, used by the API and the command line. AMQP can only consume, so reading
# means taking all letters and giving them back; that is why readers come one after the
# other.
class DeadLetters:
    """The dead queues of all roles.

    Args:
        link: The connection.
        publisher: Carries letters back to their roles.
    """

    def __init__(self, *, link: BrokerConnection, publisher: Publisher) -> None:
        self._link = link
        self._publisher = publisher

    async def list(self, topology: Topology, role: str | None) -> Sequence[DeadLetter]:
        """Return the letters of one role or of all, oldest first."""
        names = [item.name for item in topology.roles if role in (None, item.name)]
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
            again = OutgoingMessage(
                id=message_id_of(message),
                exchange="",
                key=topology.queue(role),
                properties=copied(message, None),
                body=message.body,
                mandatory=True,
            )
            # Confirmed before `_found` acknowledges the letter: a crash in between
            # leaves it in both queues, and handling an event twice is harmless.
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
                    with translate_errors("removing a dead letter"):
                        await message.ack()
                    return
        raise NotFoundError(f"there is no dead letter {letter}")

    @asynccontextmanager
    async def _looking(
        self, name: str, *, prefetch: int
    ) -> AsyncIterator[AsyncIterator[AbstractIncomingMessage]]:
        """Read a queue; what is not acknowledged is given back at the end."""
        async with open_connection(self._link.session()) as channel:
            with translate_errors(f"reading {name}"):
                async with asyncio.timeout(ARRIVES_WITHIN.total_seconds()):
                    await channel.set_qos(prefetch_count=prefetch)
                    # What another reader holds unacknowledged is not in
                    # `message_count`, and with a single active consumer nothing would
                    # arrive here until it is gone.
                    queue = await _alone(channel, name)
            # Counted before consuming: a queue has no end that a consumer could see,
            # and letters that die meanwhile need not be shown.
            count = min(queue.declaration_result.message_count or 0, prefetch)
            async with arriving(channel, queue) as incoming:
                yield _first(count, incoming)


async def _alone(channel: AbstractChannel, name: str) -> AbstractQueue:
    """Wait until nobody else reads: what they hold would not be counted."""
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
    if role not in {item.name for item in topology.roles}:
        raise NotFoundError(f"there is no dead letter {letter}")
    return role, message_id


def _letter(message: AbstractIncomingMessage, *, role: str, limit: int) -> DeadLetter:
    history = history_of_letter(message, limit=limit)
    return DeadLetter(
        id=f"{role}.{letter_id(message)}",
        role=role,
        event=event_in(message),
        attempts=history.attempts,
        error=history.error,
        died_at=history.died_at or EPOCH,
    )


def history_of_letter(
    message: AbstractIncomingMessage, *, limit: int
) -> MessageHistory:
    """Read why and when a message died; the broker itself buries without a word."""
    # Reading letters gives them back, and the broker counts that; those are no attempts
    # of the role.
    history = MessageHistory.of({**message.headers, "x-delivery-count": 0})
    if history.died_at is not None:
        return history
    return replace(
        history,
        error=f"given back {limit + 1} times by consumers that died or lost it",
        attempts=history.attempts + limit + 1,
        died_at=_died_at(message),
    )


def _died_at(message: AbstractIncomingMessage) -> datetime:
    """Read when the broker buried it: https://www.rabbitmq.com/docs/dlx#effects."""
    deaths = message.headers.get("x-death")
    latest = deaths[0] if isinstance(deaths, list) and deaths else None
    at = latest.get("time") if isinstance(latest, dict) else None
    return at if isinstance(at, datetime) else EPOCH
