"""Everything that happens, as it happens; and the contract of these events."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from handlers.app_keys import AUTHORIZER, BUS, CLOCK, CONTRACT, STORE
from handlers.auth import caller_of, is_still_let_in
from handlers.sse import Stream, last_event_name, streaming
from handlers.usecases.event_visibility import EventFilter
from service.errors import ServiceError
from service.events.envelope import Event
from service.ports.bus import StreamPosition

__all__ = ["show_contract", "stream_events"]

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 1000
"""A listener further behind makes the bus wait, or misses events and gets a `gap`."""
PAUSE: Final = timedelta(seconds=1)
"""How often a quiet stream checks whether anybody still listens."""
CHECKED: Final = timedelta(minutes=1)
"""How long a credential that was revoked may still listen."""

BEGINNING: Final = "-"
"""The id of a place that the bus cannot name. Whoever comes back with it, before the
first event, gets a `gap` event: events may be missing."""
GAP: Final = json.dumps(
    {"message": "Events may be missing here; what counts is the state in the REST API."}
)

Item = Event | StreamPosition


async def show_contract(request: web.Request) -> web.Response:
    """Show the AsyncAPI document of all events."""
    contract = request.app[CONTRACT].text
    return web.Response(text=contract, content_type="application/json")


async def stream_events(request: web.Request) -> web.StreamResponse:
    """Follow the events of what the caller may read, as server-sent events.

    An administrator follows all. A credential that ends meanwhile ends the stream.

    An event is named by its type without prefix; its data is the CloudEvent in JSON.
    A listener that was cut off comes back with Last-Event-ID and goes on from there,
    where the bus keeps events: the embedded one does for a day, RabbitMQ does not.
    Where events may be missing, an event `gap` is sent.
    """
    after = last_event_name(request)
    limits = EventFilter(
        store=request.app[STORE],
        authorizer=request.app[AUTHORIZER],
        caller=caller_of(request),
    )
    waiting: asyncio.Queue[Item | None] = asyncio.Queue(MOST_WAITING)
    async with streaming(request) as stream:
        # Nothing is read for who asks for the head alone.
        if stream.is_open:
            async with asyncio.TaskGroup() as group:
                pump = group.create_task(_pump(request.app[BUS].tail(after), waiting))
                try:
                    await _send_all(request, stream, waiting, limits)
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


async def _send_all(
    request: web.Request,
    stream: Stream,
    waiting: asyncio.Queue[Item | None],
    limits: EventFilter,
) -> None:
    clock = request.app[CLOCK]
    checked = clock.now()
    while stream.is_open:
        if clock.now() - checked >= CHECKED:
            if not await is_still_let_in(request):
                return
            checked = clock.now()
        try:
            async with asyncio.timeout(PAUSE.total_seconds()):
                item = await waiting.get()
        except TimeoutError:
            await stream.keep_alive()
            continue
        if item is None:
            return
        await _send(stream, item, limits)


async def _send(stream: Stream, item: Item, limits: EventFilter) -> None:
    if isinstance(item, Event):
        # What is left out is not even marked: its id would show that it happened.
        shown = await limits.limit(item)
        if shown is not None:
            await stream.send(shown.name, shown.to_bytes().decode(), id_=shown.id)
        return
    if item.has_missed:
        await stream.send("gap", GAP)
    await stream.mark(item.after or BEGINNING)
