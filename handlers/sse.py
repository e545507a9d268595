"""Server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from handlers.app_keys import CLOCK
from service.errors import InvalidRequestError, ServiceError
from service.ports.time import Clock

__all__ = [
    "CLOSING",
    "KEEP_ALIVE",
    "Stream",
    "last_event_id",
    "last_event_name",
    "streaming",
]

log = structlog.get_logger(__name__)

CLOSING: Final = web.AppKey[asyncio.Event]("closing")
"""Set when the application shuts down: streams end, so that it can."""

KEEP_ALIVE: Final = timedelta(seconds=15)
"""Proxies close connections that are idle for a minute or less."""


MAX_ID: Final = 200
"""Ours have 26 letters; other services' events keep theirs."""


class Stream:
    """One open answer that events are written to.

    Args:
        request: Who listens.
        response: Prepared.
        clock: Decides when an idle stream needs a keep-alive.
        closing: Set when the stream has to end.
    """

    def __init__(
        self,
        *,
        request: web.Request,
        response: web.StreamResponse,
        clock: Clock,
        closing: asyncio.Event,
    ) -> None:
        self._request = request
        self.response = response
        self._clock = clock
        self._closing = closing
        self._spoke_at = clock.now()
        self._is_gone = False

    @property
    def is_open(self) -> bool:
        """Return whether anybody still listens; who asks for the head does not."""
        if self._request.method == "HEAD":
            return False
        transport = self._request.transport
        is_cut = transport is None or transport.is_closing()
        return not (is_cut or self._is_gone or self._closing.is_set())

    async def send(self, name: str, data: str, *, id_: str | None = None) -> None:
        """Write an event; its data is one line."""
        place = f"id: {id_}\n" if id_ is not None else ""
        await self._write(f"{place}event: {name}\ndata: {data}\n\n")

    async def mark(self, id_: str) -> None:
        """Report the listener's place, without an event."""
        await self._write(f"id: {id_}\n\n")

    async def keep_alive(self, name: str = "") -> None:
        """Write a comment, or an event of a name, when nothing was for a while.

        The script of a page sees no comments.
        """
        if self._clock.now() - self._spoke_at >= KEEP_ALIVE:
            await (self.send(name, "") if name else self._write(": still here\n\n"))

    async def _write(self, text: str) -> None:
        self._spoke_at = self._clock.now()
        try:
            await self.response.write(text.encode())
        except ConnectionError:
            self._is_gone = True


@asynccontextmanager
async def streaming(request: web.Request) -> AsyncIterator[Stream]:
    """Begin a stream.

    Once it has begun no error can be answered any more: the stream ends, and the
    listener comes back.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            # Asks the usual reverse proxy to pass events on at once.
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(request)
    stream = Stream(
        request=request,
        response=response,
        clock=request.app[CLOCK],
        closing=request.app[CLOSING],
    )
    try:
        yield stream
    except ServiceError as exc:
        log.warning("stream ends early", path=request.path, error=str(exc))


def last_event_id(request: web.Request) -> int:
    """Return the place that a listener has come to; 0 for a new one.

    Raises:
        InvalidRequestError: It is none that a stream of ours gave.
    """
    text = request.headers.get("Last-Event-ID", "0") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):  # noqa: PLR2004 - more lines than any log has
        raise InvalidRequestError(
            f"Last-Event-ID is {text[:40]!r}; expected the number of a line"
        )
    return int(text)


def last_event_name(request: web.Request) -> str | None:
    """Return the id of the event that a listener has come to; None for a new one.

    Raises:
        InvalidRequestError: It is none that a stream of ours gave.
    """
    text = request.headers.get("Last-Event-ID", "")
    if not text.isascii() or not text.isprintable() or len(text) > MAX_ID:
        raise InvalidRequestError(
            f"Last-Event-ID is {text[:40]!r}; expected the id of an event"
        )
    return text or None
