"""Parts of pages that are sent again when they changed.

What is sent is state, not events: a page that was away for a minute or a day gets its
parts as they are now. The bus only gives the moment to look; a page that its event
never reached is read every few seconds all the same. Ages are no change: the page lets
them grow by itself.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from handlers.app_keys import CLOCK
from handlers.page.guard import is_still_let_in
from handlers.sse import Stream, streaming
from service.errors import ServiceError
from service.events.envelope import Event
from service.ports.bus import Bus
from service.ports.time import Clock

__all__ = [
    "ALIVE",
    "UPDATES",
    "PageUpdates",
    "Parts",
    "StreamRights",
    "digest_of",
    "send_parts",
]

log = structlog.get_logger(__name__)

Parts = Mapping[str, str]
"""Markup by the name of the part of the page."""

_CALM: Final = timedelta(seconds=10)
"""How long a page waits for an event before it is read again."""
_BUSY: Final = timedelta(seconds=2)
"""The same while something is in progress: it moves without events."""
_GATHERED: Final = timedelta(milliseconds=150)
"""One push makes several events; they are answered by one look."""
_AGAIN: Final = timedelta(seconds=5)
_AGE: Final = re.compile(r"(<time [^<>]*>)[^<]*")
OVER: Final = "over"
"""The event after which a page has to be loaded again."""
ALIVE: Final = "alive"
"""The event by which a page knows that its connection did not die without a word."""


# One for each process that serves pages; it lives as long as the application. Without
# it each open page would hold a listener on the bus of its own.
class PageUpdates:
    """Wakes open pages when something happened: one listener for all of them.

    Args:
        bus: Where events come from.
        clock: Measures the waits.
        prepare: Done once, when the first page is open: others will follow.
    """

    log_pause: Final = timedelta(milliseconds=500)
    """How often the log of a running build is read again."""

    def __init__(
        self, *, bus: Bus, clock: Clock, prepare: Callable[[], Awaitable[None]]
    ) -> None:
        self._prepare = prepare
        self._bus = bus
        self._clock = clock
        self._happened = asyncio.Event()
        self._watched = asyncio.Event()

    async def run(self) -> None:
        """Follow the bus, from the first open page on, until cancelled."""
        # A listener is a queue on the broker, and most processes never show a page.
        await self._watched.wait()
        await self._prepare()
        while True:
            try:
                async for item in self._bus.tail(None):
                    if isinstance(item, Event):
                        self._wake()
            except ServiceError as exc:
                log.warning("pages look by themselves", error=str(exc))
            await self._clock.sleep(_AGAIN)

    def _wake(self) -> None:
        # A new event each time, instead of `clear`: who waits on the old one is woken,
        # and who comes from now on waits for what happens next.
        waiting, self._happened = self._happened, asyncio.Event()
        waiting.set()

    async def close(self, app: object) -> None:
        """Wake every page, so that its stream can end."""
        del app
        self._wake()

    async def wait(self, *, at_most: timedelta) -> None:
        """Return once something happened, or the time is over."""
        self._watched.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most.total_seconds()):
                await self._happened.wait()
                await asyncio.sleep(_GATHERED.total_seconds())


UPDATES: Final = web.AppKey[PageUpdates]("page_updates")


class StreamRights:
    """Ends the stream of whoever signed out, or lost the role, while it is open.

    Args:
        request: That opened the stream.
    """

    checked_every: Final = timedelta(seconds=5)
    """How long a session that ended, or a role that was lost, may still see."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._clock = request.app[CLOCK]
        self._checked_at = self._clock.now()

    async def last(self, stream: Stream) -> bool:
        """Return whether the rights last; else have the page go and see for itself."""
        now = self._clock.now()
        if now - self._checked_at < self.checked_every:
            return True
        self._checked_at = now
        if await is_still_let_in(self._request):
            return True
        # Loaded again, the page explains: it asks to sign in, or finds nothing.
        await stream.send(OVER, "")
        return False


def digest_of(parts: Parts) -> str:
    """Return the digest of what a page shows."""
    text = "\0".join(f"{name}\0{_lasting(parts[name])}" for name in sorted(parts))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


async def send_parts(
    request: web.Request,
    updates: PageUpdates,
    render: Callable[[], Awaitable[tuple[Parts, bool]]],
) -> web.StreamResponse:
    """Send the parts of a page whenever they differ from what it shows.

    A browser that lost the connection comes back with `Last-Event-ID`; a new page
    has in `seen` what it was rendered with.

    Args:
        request: Of the page's stream.
        updates: Gives the moment to look.
        render: Returns the parts, and whether they move without events.
    """
    shown = request.headers.get("Last-Event-ID") or request.query.get("seen", "")
    sent: dict[str, str] = {}
    rights = StreamRights(request)
    async with streaming(request) as stream:
        while stream.is_open and await rights.last(stream):
            # Read before the wait: what changed while the page was away has no event
            # any more.
            parts, is_busy = await render()
            digest = digest_of(parts)
            for name, markup in parts.items() if digest != shown else ():
                # A part that is equal stays: swapping it would close what a person
                # opened in it, and undo what she selected.
                if sent.get(name) != _lasting(markup):
                    await stream.send(name, _one_line(markup), id_=digest)
            sent = {name: _lasting(markup) for name, markup in parts.items()}
            shown = digest
            await stream.keep_alive(ALIVE)
            await updates.wait(at_most=_BUSY if is_busy else _CALM)
    return stream.response


def _lasting(markup: str) -> str:
    """Return markup without what changes because time passes."""
    return _AGE.sub(r"\1", markup)


def _one_line(markup: str) -> str:
    # A line break would end the field of the stream.
    return " ".join(line.strip() for line in markup.splitlines() if line.strip())
