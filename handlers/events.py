"""Everything that happens, as it happens; and the contract of these events."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from handlers.keys import BUS, CONTRACT
from handlers.streams import Stream, last_event_name, streaming
from service.errors import ServiceError
from service.ports.bus import Place
from service.wire import Event

__all__ = ["show_contract", "stream_events"]

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 1000
"""A listener that is further behind makes the bus wait, or miss events and say so."""
PAUSE: Final = timedelta(seconds=1)
"""How often a quiet stream looks whether anybody still listens."""

BEGINNING: Final = "-"
"""The id of a place that the bus cannot name. Whoever comes back with it, before the
first event, is told that events may be missing."""
GAP: Final = json.dumps(
    {"message": "Events may be missing here; what counts is the state in the REST API."}
)

Item = Event | Place


async def show_contract(request: web.Request) -> web.Response:
    """Show the AsyncAPI document of all events."""
    contract = request.app[CONTRACT].text
    return web.Response(text=contract, content_type="application/json")


async def stream_events(request: web.Request) -> web.StreamResponse:
    """Follow every event from now on, as server-sent events.

    An event is named by its type without prefix; its data is the CloudEvent in JSON.
    A listener that was cut off comes back with Last-Event-ID and goes on from there,
    where the bus keeps events: the embedded one does for a day, RabbitMQ does not.
    Where events may be missing an event `gap` says so.
    """
    after = last_event_name(request)
    waiting: asyncio.Queue[Item | None] = asyncio.Queue(MOST_WAITING)
    async with streaming(request) as stream, asyncio.TaskGroup() as group:
        pump = group.create_task(_pump(request.app[BUS].follow(after), waiting))
        try:
            await _send_all(stream, waiting)
        finally:
            pump.cancel()
    return stream.response


async def _pump(
    items: AsyncIterator[Item], waiting: asyncio.Queue[Item | None]
) -> None:
    try:
        async for item in items:
            await waiting.put(item)
    except ServiceError as exc:
        log.warning("event stream ends", error=str(exc))
    await waiting.put(None)


async def _send_all(stream: Stream, waiting: asyncio.Queue[Item | None]) -> None:
    while stream.is_open:
        try:
            async with asyncio.timeout(PAUSE.total_seconds()):
                item = await waiting.get()
        except TimeoutError:
            await stream.keep_alive()
            continue
        if item is None:
            return
        await _send(stream, item)


async def _send(stream: Stream, item: Item) -> None:
    if isinstance(item, Event):
        await stream.send(item.name, item.to_bytes().decode(), id_=item.id)
        return
    if item.has_missed:
        await stream.send("gap", GAP)
    await stream.mark(item.after or BEGINNING)
