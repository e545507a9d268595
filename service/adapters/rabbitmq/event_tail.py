"""Everything that passes, for whoever watches: a queue of one's own for that long."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Final

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from service.adapters.rabbitmq.arrivals import READY_WITHIN, arriving
from service.adapters.rabbitmq.connection import BrokerConnection, open_connection
from service.adapters.rabbitmq.errors import translate_errors
from service.adapters.rabbitmq.messages.headers import event_in
from service.errors import ServiceError
from service.events.envelope import Event, UndecodableEventError
from service.ports.bus import StreamPosition

__all__ = ["tail_events"]

log = structlog.get_logger(__name__)

UNREAD: Final = 1000
"""Events kept for a follower who is behind, and as many by the broker for one whose
network is; then the oldest are let go."""

PAUSE: Final = timedelta(seconds=1)
"""Between a loss and the next try."""


async def tail_events(
    link: BrokerConnection, *, exchange: str, dead_letters: str, has_missed: bool
) -> AsyncGenerator[Event | StreamPosition, None]:
    """Yield every event; events during a reconnect are missed, which is reported.

    Args:
        link: To the broker.
        exchange: Where events pass.
        dead_letters: The exchange by which we learn what the broker let go.
        has_missed: Whether the follower missed some before it begins.
    """
    while True:
        try:
            async with aclosing(_once(link, exchange, dead_letters)) as events:
                async for event in events:
                    if isinstance(event, StreamPosition):
                        yield StreamPosition(has_missed=has_missed or event.has_missed)
                        # From the second connection on: an exclusive queue dies with
                        # its connection, and what passed meanwhile is gone.
                        has_missed = True
                    else:
                        yield event
        except ServiceError as exc:
            log.info("follower lost the broker", error=str(exc))
        await asyncio.sleep(PAUSE.total_seconds())


async def _once(
    link: BrokerConnection, exchange: str, dead_letters: str
) -> AsyncGenerator[Event | StreamPosition, None]:
    overrun = asyncio.Event()

    async def let_go(_: AbstractIncomingMessage) -> None:
        overrun.set()

    async with open_connection(await link.connected()) as channel:
        with translate_errors("following events"):
            async with asyncio.timeout(READY_WITHIN.total_seconds()):
                lost = await _declare_loss_queue(channel, dead_letters)
                queue = await _passing(channel, exchange, dead_letters, lost)
                await lost.consume(let_go, no_ack=True)
        async with arriving(
            channel, queue, no_ack=True, at_most=UNREAD, on_drop=overrun.set
        ) as incoming:
            yield StreamPosition(has_missed=False)
            async for message in incoming:
                # Reported before the next event, so that a client knows where its gap
                # is and reads the state again.
                if overrun.is_set():
                    overrun.clear()
                    yield StreamPosition(has_missed=True)
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


async def _declare_loss_queue(
    channel: AbstractChannel, dead_letters: str
) -> AbstractQueue:
    """Declare the queue whose messages mean that the broker dropped events.

    A full queue drops its oldest events; only their dead letters show that:
    https://www.rabbitmq.com/docs/maxlength#overflow-behaviour
    """
    queue = await channel.declare_queue(
        exclusive=True, auto_delete=True, arguments={"x-max-length": 1}
    )
    await queue.bind(dead_letters, queue.name)
    return queue
