"""Everything that passes, for whoever watches: a queue of one's own for that long."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Final

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from service.adapters.rabbitmq.consumer import READY_WITHIN, arriving
from service.adapters.rabbitmq.failures import translated
from service.adapters.rabbitmq.letters import event_in
from service.adapters.rabbitmq.link import Link, opened
from service.errors import ServiceError
from service.ports.bus import Place
from service.wire import Event, UndecodableEventError

__all__ = ["followed"]

log = structlog.get_logger(__name__)

UNREAD: Final = 1000
"""Events kept for a follower who is behind, and as many by the broker for one whose
network is; then the oldest are let go."""

PAUSE: Final = timedelta(seconds=1)
"""Between a loss and the next try."""


async def followed(
    link: Link, *, exchange: str, dead_letters: str, has_missed: bool
) -> AsyncGenerator[Event | Place, None]:
    """Yield every event; what passes during a reconnect is missed, and said.

    Args:
        link: To the broker.
        exchange: Where events pass.
        dead_letters: The exchange by which we learn what the broker let go.
        has_missed: Whether the follower missed some before it begins.
    """
    while True:
        try:
            async with aclosing(_once(link, exchange, dead_letters)) as events:
                async for it in events:
                    if isinstance(it, Place):
                        yield Place(has_missed=has_missed or it.has_missed)
                        has_missed = True
                    else:
                        yield it
        except ServiceError as exc:
            log.info("follower lost the broker", error=str(exc))
        await asyncio.sleep(PAUSE.total_seconds())


async def _once(
    link: Link, exchange: str, dead_letters: str
) -> AsyncGenerator[Event | Place, None]:
    overrun = asyncio.Event()

    async def let_go(_: AbstractIncomingMessage) -> None:
        overrun.set()

    async with opened(await link.connected()) as channel:
        with translated("following events"):
            async with asyncio.timeout(READY_WITHIN.total_seconds()):
                lost = await _lost_ones(channel, dead_letters)
                queue = await _passing(channel, exchange, dead_letters, lost)
                await lost.consume(let_go, no_ack=True)
        async with arriving(
            channel, queue, no_ack=True, at_most=UNREAD, on_drop=overrun.set
        ) as incoming:
            yield Place(has_missed=False)
            async for message in incoming:
                if overrun.is_set():
                    overrun.clear()
                    yield Place(has_missed=True)
                try:
                    event = Event.from_bytes(event_in(message))
                except UndecodableEventError as exc:
                    log.info("unreadable event passed", error=str(exc))
                    continue
                yield event


async def _passing(
    channel: AbstractChannel, exchange: str, dead_letters: str, lost: AbstractQueue
) -> AbstractQueue:
    """Make the queue that every event passes through."""
    queue = await channel.declare_queue(
        exclusive=True,
        auto_delete=True,
        arguments={
            "x-max-length": UNREAD,
            "x-overflow": "drop-head",
            "x-dead-letter-exchange": dead_letters,
            "x-dead-letter-routing-key": lost.name,
        },
    )
    await queue.bind(exchange, "#")
    return queue


async def _lost_ones(channel: AbstractChannel, dead_letters: str) -> AbstractQueue:
    """Make the queue whose messages tell that others were let go.

    A network that is slow to take them makes the broker drop events, and it says so
    by nothing else: https://www.rabbitmq.com/docs/maxlength#overflow-behaviour
    """
    queue = await channel.declare_queue(
        exclusive=True, auto_delete=True, arguments={"x-max-length": 1}
    )
    await queue.bind(dead_letters, queue.name)
    return queue
