"""Everything that passes, for whoever watches: a queue of one's own for that long."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Final

import structlog

from service.adapters.rabbitmq.consumer import arriving
from service.adapters.rabbitmq.failures import translated
from service.adapters.rabbitmq.letters import event_in
from service.adapters.rabbitmq.link import Link, opened
from service.errors import ServiceError
from service.ports.bus import Place
from service.wire import Event, UndecodableEventError

__all__ = ["followed"]

log = structlog.get_logger(__name__)

UNREAD: Final = 1000
"""Events kept for a follower who is behind; then the oldest are let go."""

PAUSE: Final = timedelta(seconds=1)
"""Between a loss and the next try."""


async def followed(
    link: Link, *, exchange: str, has_missed: bool
) -> AsyncGenerator[Event | Place, None]:
    """Yield every event; what passes during a reconnect is missed, and said.

    Args:
        link: To the broker.
        exchange: Where events pass.
        has_missed: Whether the follower missed some before it begins.
    """
    while True:
        try:
            async with aclosing(_once(link, exchange)) as events:
                async for it in events:
                    if isinstance(it, Place):
                        yield Place(has_missed=has_missed or it.has_missed)
                        has_missed = True
                    else:
                        yield it
        except ServiceError as exc:
            log.info("follower lost the broker", error=str(exc))
        await asyncio.sleep(PAUSE.total_seconds())


async def _once(link: Link, exchange: str) -> AsyncGenerator[Event | Place, None]:
    overrun = asyncio.Event()
    async with opened(await link.connected()) as channel:
        with translated("following events"):
            queue = await channel.declare_queue(
                exclusive=True,
                auto_delete=True,
                arguments={"x-max-length": UNREAD, "x-overflow": "drop-head"},
            )
            await queue.bind(exchange, "#")
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
