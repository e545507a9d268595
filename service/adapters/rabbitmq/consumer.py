"""Messages in: for ever, over every reconnect."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from service.adapters.rabbitmq.failures import translated
from service.adapters.rabbitmq.letters import (
    History,
    copied,
    event_in,
    message_id_of,
)
from service.adapters.rabbitmq.link import Link, Session, opened
from service.adapters.rabbitmq.publisher import Publisher
from service.adapters.rabbitmq.sender import Parcel
from service.adapters.rabbitmq.topology import Topology
from service.adapters.retry import patiently
from service.errors import PermanentError, ServiceError, TransientError
from service.ports.bus import Role
from service.ports.time import Clock

__all__ = ["READY_WITHIN", "Consumer", "RabbitMessage", "arriving"]

log = structlog.get_logger(__name__)

PAUSE: Final = timedelta(seconds=1)
"""Before a queue that was taken from us is asked for again."""

READY_WITHIN: Final = timedelta(seconds=10)
"""A queue may have to elect a leader after a crash of the broker; one that does not get
ready is asked for again, on a new channel."""


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
    ) -> None:
        self._incoming = incoming
        self._role = role
        self._topology = topology
        self._publisher = publisher
        self._clock = clock
        self._history = History.of(incoming.headers)
        self._settled = False
        self._body = event_in(incoming)

    @property
    def body(self) -> bytes:
        return self._body

    @property
    def attempt(self) -> int:
        return self._history.attempts + 1

    async def ack(self) -> None:
        self._settle()
        with translated("acknowledging a message"):
            await self._incoming.ack()

    async def retry(self, *, after: timedelta, error: str) -> None:
        self._settle()
        await self._wait(after, self._failed(error))

    async def bury(self, *, error: str) -> None:
        self._settle()
        history = replace(self._failed(error), died_at=self._clock.now())
        await self._move(self._topology.dead_letters, self._role, history)

    async def defer(self) -> bool:
        """Send the message back to wait when it came before its time."""
        due = self._history.not_before
        if due is None or due <= self._clock.now():
            return False
        self._settle()
        await self._wait(due - self._clock.now(), self._history)
        return True

    async def _wait(self, after: timedelta, history: History) -> None:
        if after > self._topology.delays[-1]:
            history = replace(history, not_before=self._clock.now() + after)
        key = self._topology.delay_key(self._role, after)
        await self._move(self._topology.retries, key, history)

    async def _move(self, exchange: str, key: str, history: History) -> None:
        """Publish a copy, then ack; keep at it while the message is still ours."""
        parcel = Parcel(
            id=message_id_of(self._incoming),
            exchange=exchange,
            key=key,
            properties=copied(self._incoming, history),
            body=self._incoming.body,
            mandatory=True,
        )
        await patiently(
            partial(self._publisher.send, [parcel]),
            on=TransientError,
            failed=self._not_moved,
            until=self._is_lost,
        )
        with translated("acknowledging a message"):
            await self._incoming.ack()

    def _failed(self, error: str) -> History:
        return History(
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


class Consumer:
    """Reads queues of roles over a link."""

    def __init__(self, *, link: Link, publisher: Publisher, clock: Clock) -> None:
        self._link = link
        self._publisher = publisher
        self._clock = clock

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
                # The queue is gone; the next session makes it, or says why it cannot.
                self._link.discard(session, why=str(exc))
            except ServiceError as exc:
                log.warning("queue was lost", role=role.name, error=str(exc))
            await asyncio.sleep(PAUSE.total_seconds())

    async def _once(
        self, session: Session, role: Role, topology: Topology, prefetch: int
    ) -> AsyncGenerator[RabbitMessage, None]:
        async with opened(session) as channel:
            with translated(f"consuming as {role.name}"):
                async with asyncio.timeout(READY_WITHIN.total_seconds()):
                    await channel.set_qos(prefetch_count=prefetch)
                    queue = await channel.get_queue(topology.queue(role.name))
            async with arriving(channel, queue) as incoming:
                async for raw in incoming:
                    message = RabbitMessage(
                        raw,
                        role=role.name,
                        topology=topology,
                        publisher=self._publisher,
                        clock=self._clock,
                    )
                    if not await message.defer():
                        yield message


@asynccontextmanager
async def arriving(
    channel: AbstractChannel,
    queue: AbstractQueue,
    *,
    no_ack: bool = False,
    at_most: int = 0,
    on_drop: Callable[[], None] = lambda: None,
) -> AsyncIterator[AsyncIterator[AbstractIncomingMessage]]:
    """Consume a queue; the iterator ends when the channel or the queue goes away.

    Args:
        channel: Where; closed by its owner, which gives back what is unsettled.
        queue: What.
        no_ack: Take messages for delivered once they were sent to us.
        at_most: Let go of the oldest unread message when there are more than these;
            unread messages are otherwise bounded by the channel's prefetch.
        on_drop: Called for each message that was let go.
    """
    inbox: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue(at_most)

    async def arrived(message: AbstractIncomingMessage) -> None:
        _put(inbox, message, on_drop)

    def ended(*_: object) -> None:
        _put(inbox, None, on_drop)

    underlay = await channel.get_underlay_channel()
    underlay.closing.add_done_callback(ended)
    underlay.on_consumer_cancel_callbacks.add(ended)
    with translated(f"consuming {queue.name}"):
        async with asyncio.timeout(READY_WITHIN.total_seconds()):
            tag = await queue.consume(arrived, no_ack=no_ack)
    try:
        yield _drained(inbox.get)
    finally:
        underlay.on_consumer_cancel_callbacks.discard(ended)
        with contextlib.suppress(ServiceError), translated("leaving a queue"):
            await queue.cancel(tag, nowait=True)


async def _drained(
    get: Callable[[], Awaitable[AbstractIncomingMessage | None]],
) -> AsyncIterator[AbstractIncomingMessage]:
    while (message := await get()) is not None:
        yield message


def _put(
    inbox: asyncio.Queue[AbstractIncomingMessage | None],
    item: AbstractIncomingMessage | None,
    on_drop: Callable[[], None],
) -> None:
    if inbox.full():
        inbox.get_nowait()
        on_drop()
    inbox.put_nowait(item)
