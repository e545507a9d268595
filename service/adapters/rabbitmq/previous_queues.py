"""Queues under names that roles had in earlier versions: emptied, then deleted.

A consumer moves what waits there to the queues of today. Consumers of the earlier
version may still run beside us; a queue that they read is left to them until they are
gone. What returns from the delays, or dies, arrives at today's queues by itself: those
are bound by the earlier names, too (`Topology`).
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity

from service.adapters.rabbitmq.arrivals import READY_WITHIN, arriving
from service.adapters.rabbitmq.connection import (
    BrokerConnection,
    OpenConnection,
    open_connection,
)
from service.adapters.rabbitmq.dead_letters import history_of_letter
from service.adapters.rabbitmq.errors import translate_errors
from service.adapters.rabbitmq.messages.headers import (
    MessageHistory,
    copied,
    message_id_of,
)
from service.adapters.rabbitmq.publisher import Publisher
from service.adapters.rabbitmq.sender import OutgoingMessage
from service.adapters.rabbitmq.topology import Topology
from service.errors import PermanentError, ServiceError
from service.ports.bus import Role

__all__ = ["PreviousQueues"]

log = structlog.get_logger(__name__)

AGAIN: Final = timedelta(seconds=30)
"""Until a queue is read again that earlier consumers read, or after a failure."""

MOVES_WITHIN: Final = timedelta(minutes=10)
"""For one attempt at a queue; what was moved by then stays moved."""

PREFETCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousQueue:
    """A queue of an earlier version, and where its messages belong now."""

    name: str
    target: str
    bindings: tuple[tuple[str, str], ...]
    """Exchange and routing key: whatever an earlier version may have bound."""
    is_dead: bool
    """Whether it holds dead letters. Of their consumers one at a time is active, by an
    argument of the queue, which excludes exclusive ones."""


class PreviousQueues:
    """Moves messages out of the queues of earlier versions; one a bus that consumes.

    Killed in between, it leaves a message in both queues at worst: moving is publishing
    with a confirm, then acknowledging.

    Args:
        link: The connection to consume over.
        publisher: Carries messages to the queues of today.
        topology: Names them.
        may_delete: False where operators create and delete queues themselves.
    """

    def __init__(
        self,
        *,
        link: BrokerConnection,
        publisher: Publisher,
        topology: Topology,
        may_delete: bool,
    ) -> None:
        self._link = link
        self._publisher = publisher
        self._topology = topology
        self._may_delete = may_delete

    async def run(self) -> None:
        """Empty every queue of an earlier version; return when none is left."""
        waiting = list(_previous_queues(self._topology))
        while waiting:
            session = await self._link.connected()
            waiting = [
                queue for queue in waiting if not await self._is_done(session, queue)
            ]
            if waiting:
                await asyncio.sleep(AGAIN.total_seconds())

    async def _is_done(self, session: OpenConnection, queue: PreviousQueue) -> bool:
        try:
            async with asyncio.timeout(MOVES_WITHIN.total_seconds()):
                return await self._retire(session, queue)
        except TimeoutError:
            log.warning("earlier queue not emptied in time", queue=queue.name)
            return False
        except PermanentError as exc:
            # It is an operator's queue, and today's ones work without it.
            log.warning("earlier queue not emptied", queue=queue.name, error=str(exc))
            return True
        except ServiceError as exc:
            log.warning("earlier queue not emptied", queue=queue.name, error=str(exc))
            return False

    async def _retire(self, session: OpenConnection, queue: PreviousQueue) -> bool:
        """Empty a queue and delete it; return whether nothing is left to do.

        Events are unbound first, or a queue that nobody reads any more would fill up
        with second copies of what today's queues get.
        """
        async with open_connection(session) as channel:
            with translate_errors(f"moving {queue.name} to {queue.target}"):
                state = await _state_of(channel, queue.name)
                if state is None:
                    return True
                if self._may_delete:
                    await _unbind(channel, queue)
                ready, consumers = state
                # Consumers of the earlier version are at work in a rolling upgrade. Two
                # that read one queue would be harmless, but deleting it under them is
                # not.
                if consumers:
                    return False
                await self._move(channel, queue, ready)
                # Counted again: between the first count and the last message moved a
                # delayed message may have come back under the earlier name.
                ready, consumers = await _state_of(channel, queue.name) or (0, 0)
                if ready or consumers:
                    return False
                if self._may_delete:
                    # Quorum queues know no deletion on condition. Who else moves reads
                    # it exclusively, and so was counted.
                    await channel.queue_delete(queue.name)
                    log.info("earlier queue deleted", queue=queue.name)
                return True

    async def _move(
        self, channel: AbstractChannel, queue: PreviousQueue, count: int
    ) -> None:
        if not count:
            return
        await channel.set_qos(prefetch_count=PREFETCH)
        source = await channel.declare_queue(queue.name, durable=True, passive=True)
        is_exclusive = not queue.is_dead
        async with arriving(channel, source, exclusive=is_exclusive) as incoming:
            for _ in range(count):
                async with asyncio.timeout(READY_WITHIN.total_seconds()):
                    message = await anext(incoming)
                await self._publisher.send([self._copy(message, queue)])
                await message.ack()
        log.info("earlier queue emptied", queue=queue.name, messages=count)

    def _copy(
        self, message: AbstractIncomingMessage, queue: PreviousQueue
    ) -> OutgoingMessage:
        history = MessageHistory.of(message.headers)
        if queue.is_dead:
            limit = self._topology.delivery_limit
            history = history_of_letter(message, limit=limit)
        return OutgoingMessage(
            id=message_id_of(message),
            exchange="",
            key=queue.target,
            properties=copied(message, history),
            body=message.body,
            mandatory=True,
        )


def _previous_queues(topology: Topology) -> Iterator[PreviousQueue]:
    for role in topology.roles:
        for name in role.previous_names:
            yield _live_queue(topology, role, name)
            yield PreviousQueue(
                name=topology.dead_queue(name),
                target=topology.dead_queue(role.name),
                bindings=((topology.dead_letters, name),),
                is_dead=True,
            )


def _live_queue(topology: Topology, role: Role, name: str) -> PreviousQueue:
    return PreviousQueue(
        name=topology.queue(name),
        target=topology.queue(role.name),
        bindings=(
            *((topology.events, event) for event in role.events),
            (topology.returns, f"{name}.*"),
        ),
        is_dead=False,
    )


async def _state_of(channel: AbstractChannel, name: str) -> tuple[int, int] | None:
    """Count ready messages and consumers; None when there is no such queue."""
    try:
        queue = await channel.declare_queue(name, durable=True, passive=True)
    except ChannelNotFoundEntity:
        return None
    declared = queue.declaration_result
    return declared.message_count or 0, declared.consumer_count or 0


async def _unbind(channel: AbstractChannel, queue: PreviousQueue) -> None:
    """Take a queue off its exchanges; a binding that is not there is no error."""
    bound = await channel.declare_queue(queue.name, durable=True, passive=True)
    for exchange, key in queue.bindings:
        await bound.unbind(exchange, key)
