"""Consume the queues of roles, across reconnects."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage

from service.adapters.rabbitmq.arrivals import READY_WITHIN, Arrivals, arriving
from service.adapters.rabbitmq.connection import (
    BrokerConnection,
    OpenConnection,
    open_connection,
)
from service.adapters.rabbitmq.errors import translate_errors
from service.adapters.rabbitmq.messages.headers import (
    MessageHistory,
    copied,
    event_in,
    message_id_of,
)
from service.adapters.rabbitmq.publisher import Publisher
from service.adapters.rabbitmq.sender import OutgoingMessage
from service.adapters.rabbitmq.topology import Topology
from service.adapters.retry import with_retries
from service.errors import PermanentError, ServiceError, TransientError
from service.ports.bus import Role
from service.ports.time import Clock

__all__ = ["Consumer", "RabbitMessage"]

log = structlog.get_logger(__name__)

PAUSE: Final = timedelta(seconds=1)
"""Before a lost queue is consumed again."""


# One for each delivery, bound to the channel it came by. When that channel is lost the
# broker delivers the message again; settling this one then only fails.
class RabbitMessage:
    """A message of a role's queue, until it is settled."""

    def __init__(
        self,
        incoming: AbstractIncomingMessage,
        *,
        role: str,
        topology: Topology,
        publisher: Publisher,
        clock: Clock,
        on_end: Callable[["RabbitMessage"], None],
    ) -> None:
        self._incoming = incoming
        self._role = role
        self._topology = topology
        self._publisher = publisher
        self._clock = clock
        self._on_end = on_end
        self._history = MessageHistory.of(incoming.headers)
        self._settled = False
        self._body = event_in(incoming)

    @property
    def body(self) -> bytes:
        return self._body

    @property
    def attempt(self) -> int:
        return self._history.attempts + 1

    async def ack(self) -> None:
        # Marked first: when the call below fails, the message must not be settled in
        # another way; the broker brings it again.
        self._settle()
        try:
            await self._acknowledge()
        finally:
            self._on_end(self)

    async def retry(self, *, after: timedelta, error: str) -> None:
        self._settle()
        await self._wait(after, self._failed(error))

    async def dead_letter(self, *, error: str) -> None:
        self._settle()
        history = replace(self._failed(error), died_at=self._clock.now())
        await self._move(self._topology.dead_letters, self._role, history)

    async def defer(self) -> bool:
        """Delay the message again if its time has not come; return whether it was."""
        # The longest delay queue may be shorter than the wait that was asked for.
        due = self._history.not_before
        if due is None or due <= self._clock.now():
            return False
        self._settle()
        await self._wait(due - self._clock.now(), self._history)
        return True

    async def _wait(self, after: timedelta, history: MessageHistory) -> None:
        # The time itself goes along: a retry in four hours waits in the longest queue
        # (one hour) several times over, and `defer` sends it back until it is due.
        if after > self._topology.delays[-1]:
            history = replace(history, not_before=self._clock.now() + after)
        key = self._topology.delay_key(self._role, after)
        await self._move(self._topology.retries, key, history)

    async def _move(self, exchange: str, key: str, history: MessageHistory) -> None:
        """Publish a copy, then acknowledge the original.

        Retried while the channel lasts; afterwards the broker redelivers the message.
        """
        # In this order, a crash in between doubles the message and never loses it.
        # AMQP has no atomic move: its transactions exclude quorum queues.
        message = OutgoingMessage(
            id=message_id_of(self._incoming),
            exchange=exchange,
            key=key,
            properties=copied(self._incoming, history),
            body=self._incoming.body,
            mandatory=True,
        )
        # With the broker away for a moment, giving up would end in a redelivery that
        # counts against the delivery limit, and the handler's work would be repeated.
        try:
            await with_retries(
                partial(self._publisher.send, [message]),
                on=TransientError,
                failed=self._not_moved,
                until=self._is_lost,
            )
            await self._acknowledge()
        finally:
            self._on_end(self)

    async def _acknowledge(self) -> None:
        with translate_errors("acknowledging a message"):
            await self._incoming.ack()

    def _failed(self, error: str) -> MessageHistory:
        return MessageHistory(
            attempts=self.attempt,
            error=error,
            first_failed_at=self._history.first_failed_at or self._clock.now(),
        )

    def _settle(self) -> None:
        if self._settled:
            raise PermanentError("the message is settled already")
        self._settled = True

    def _is_lost(self) -> bool:
        try:
            return self._incoming.channel.is_closed
        except RuntimeError:  # the library's way of saying so
            return True

    def _not_moved(self, why: str) -> None:
        log.warning("message could not be moved yet", role=self._role, error=why)


# One per bus; each role that is consumed has a channel of its own, so that one role's
# prefetch does not starve another's.
class Consumer:
    """Consume the queues of roles over a connection that is reopened when lost.

    Args:
        link: The connection.
        publisher: Carries messages to where they wait, and to the dead queues.
        clock: Gives the time.
        silence: How long a consumer may get nothing before it consumes anew.
    """

    def __init__(
        self,
        *,
        link: BrokerConnection,
        publisher: Publisher,
        clock: Clock,
        silence: timedelta,
    ) -> None:
        self._link = link
        self._publisher = publisher
        self._clock = clock
        self._silence = silence.total_seconds()

    async def messages(
        self, role: Role, *, topology: Topology, prefetch: int
    ) -> AsyncGenerator[RabbitMessage, None]:
        """Yield the role's messages."""
        while True:
            session = await self._link.connected()
            reading = self._once(session, role, topology, prefetch)
            try:
                async with aclosing(reading) as messages:
                    async for message in messages:
                        yield message
            except PermanentError as exc:
                # The queue is gone; the next session declares it, or fails with the
                # reason.
                self._link.discard(session, why=str(exc))
            except ServiceError as exc:
                log.warning("queue was lost", role=role.name, error=str(exc))
            await asyncio.sleep(PAUSE.total_seconds())

    async def _once(
        self, session: OpenConnection, role: Role, topology: Topology, prefetch: int
    ) -> AsyncGenerator[RabbitMessage, None]:
        """Yield messages until the queue is lost, consuming it anew when it is silent.

        A queue whose leader changed may take messages for delivered that never arrived,
        or a consumer for gone that is there. The broker shows it to nobody, and goes on
        so until the channel is closed: that gives back what it takes for delivered.
        """
        consumed = AsyncExitStack()
        try:
            while not session.lost.is_set():
                anew = AsyncExitStack()
                arrivals = await anew.enter_async_context(
                    _consumed(session, topology.queue(role.name), prefetch)
                )
                # Left only now: who sees a queue without a consumer may take it for one
                # that nobody needs (`PreviousQueues`).
                before, consumed = consumed, anew
                await before.aclose()
                held: set[RabbitMessage] = set()
                while (raw := await self._next(arrivals, held)) is not None:
                    message = RabbitMessage(
                        raw,
                        role=role.name,
                        topology=topology,
                        publisher=self._publisher,
                        clock=self._clock,
                        on_end=held.discard,
                    )
                    held.add(message)
                    if not await message.defer():
                        yield message
                if arrivals.is_over:
                    return
        finally:
            await consumed.aclose()

    async def _next(
        self, arrivals: Arrivals, held: Collection[RabbitMessage]
    ) -> AbstractIncomingMessage | None:
        """Return the next message; None at their end, or when none came for long.

        Silence means nothing while messages are held: they may be all that the broker
        sends before the first of them is settled, and closing their channel would have
        them redelivered.
        """
        while True:
            try:
                async with asyncio.timeout(self._silence):
                    return await anext(arrivals, None)
            except TimeoutError:
                if not held:
                    return None


@asynccontextmanager
async def _consumed(
    session: OpenConnection, queue: str, prefetch: int
) -> AsyncIterator[Arrivals]:
    async with open_connection(session) as channel:
        with translate_errors(f"consuming {queue}"):
            async with asyncio.timeout(READY_WITHIN.total_seconds()):
                await channel.set_qos(prefetch_count=prefetch)
                found = await channel.get_queue(queue)
        async with arriving(channel, found) as arrivals:
            yield arrivals
