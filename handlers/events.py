"""Everything that happens, as it happens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from handlers.keys import BUS
from handlers.streams import Stream, streaming
from service.errors import ServiceError
from service.wire import Event

__all__ = ["stream_events"]

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 1000
"""A listener that is further behind misses events, as the bus says."""
PAUSE: Final = timedelta(seconds=1)
"""How often a quiet stream looks whether anybody still listens."""


async def stream_events(request: web.Request) -> web.StreamResponse:
    """Follow every event from now on, as server-sent events.

    An event is named by its type without prefix; its data is the CloudEvent in JSON.
    A listener that was cut off misses what happened meanwhile.
    """
    waiting: asyncio.Queue[Event | None] = asyncio.Queue(MOST_WAITING)
    async with streaming(request) as stream, asyncio.TaskGroup() as group:
        pump = group.create_task(_pump(request.app[BUS].follow(), waiting))
        try:
            await _send_all(stream, waiting)
        finally:
            pump.cancel()
    return stream.response


async def _pump(
    events: AsyncIterator[Event], waiting: asyncio.Queue[Event | None]
) -> None:
    try:
        async for event in events:
            if not waiting.full():
                waiting.put_nowait(event)
    except ServiceError as exc:
        log.warning("event stream ends", error=str(exc))
    await waiting.put(None)


async def _send_all(stream: Stream, waiting: asyncio.Queue[Event | None]) -> None:
    while stream.is_open:
        try:
            async with asyncio.timeout(PAUSE.total_seconds()):
                event = await waiting.get()
        except TimeoutError:
            await stream.keep_alive()
            continue
        if event is None:
            return
        await stream.send(event.name, event.to_bytes().decode(), id_=event.id)
