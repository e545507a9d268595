"""The HTTP server around the application: it repeats nothing of what it cannot read.

aiohttp answers a request that is no HTTP with the very bytes it stumbled over, and
logs them with a traceback: a token with one bad byte would be in both. Here such a
request costs one line and gets an answer that names the kind of error.

Nor does it wait for a request for ever, which aiohttp does for an hour: who connects
has to send a whole head within a deadline (`handlers.connections`).

At the end it cuts nobody off who was connected by then, and aiohttp does: whoever waits
in the queue of a socket that is closed, and whose request is still on its way.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import http_exceptions, web

from handlers.connections import MAX_HEAD, Connections, max_connections
from handlers.middleware import error_response

__all__ = ["BACKLOG", "open_server"]

log = structlog.get_logger(__name__)

_SAID: Final[Mapping[type[BaseException], str]] = {
    http_exceptions.BadHttpMethod: "The request line has no method.",
    http_exceptions.BadStatusLine: "The request line cannot be read.",
    http_exceptions.InvalidURLError: "The target of the request is no URL.",
    http_exceptions.InvalidHeader: "A header cannot be read.",
    http_exceptions.LineTooLong: "The request line or a header is too long.",
    http_exceptions.TransferEncodingError: "The body's chunks cannot be read.",
    http_exceptions.ContentLengthError: "The body is not as long as it says.",
    http_exceptions.ContentEncodingError: "The body's encoding cannot be read.",
}
"""By the nearest ancestor."""
_OPTIONS: Final[Mapping[str, Any]] = {
    "access_log": None,  # `handlers.middleware` logs
    # Bodies are verified as they were sent; a compressed one is refused.
    "auto_decompress": False,
}
_UNREADABLE: Final = "The request is no HTTP that can be read."
BACKLOG: Final = 128
"""How many may wait in the queue of a socket to be accepted."""
_LAST_HEADS: Final = timedelta(milliseconds=500)
"""For requests that are on their way at the end; who is silent is closed then."""


class _Handler(web.RequestHandler):
    """One connection.

    Args:
        server: Serves it.
        connections: All of the server's.
    """

    __slots__ = ("_connections", "_head_bytes")

    def __init__(self, server: "_Server", connections: Connections) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **_OPTIONS)
        self._connections = connections
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self._connections.open(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._connections.close(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; count it where it is no whole head yet."""
        super().data_received(data)
        if self._messages or self._request_in_progress:
            self._head_bytes = 0
            self._connections.begin(self)
        # Otherwise the rest of a body comes that nobody reads.
        elif self._waiter is not None and not self._waiter.done():
            self._connections.wait(self)
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                log.info("connection closed", seen="a head of a request without end")
                self.force_close()

    async def finish_response(
        self,
        request: web.BaseRequest,
        resp: web.StreamResponse,
        start_time: float | None,
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; from then on the next request may come."""
        sent = await super().finish_response(request, resp, start_time)
        if not self._messages:
            self._connections.rest(self)
        return sent

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what no handler was called for; or what a handler left."""
        del message  # it holds what was sent
        if isinstance(exc, ConnectionError):
            raise exc  # nobody is there any more
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request failed outside its handler", exc_info=exc)
            message = "Something went wrong here."
        else:
            message = _what(exc)
            log.info("request not readable", status=status, seen=message)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        response = error_response(status, message)
        response.force_close()
        return response

    def log_exception(self, *args: object, **kw: object) -> None:
        """Log what the server itself stumbles over."""
        del args  # its own words may hold what was sent
        log.error("connection failed", exc_info=kw.get("exc_info"))


def _what(exc: BaseException | None) -> str:
    known = (_SAID[item] for item in type(exc).__mro__ if item in _SAID)
    return next(known, _UNREADABLE)


class _Server(web.Server):
    """Makes a handler for every connection."""

    @cached_property
    def _limited(self) -> Connections:
        return Connections(asyncio.get_running_loop(), most=max_connections())

    def __call__(self) -> web.RequestHandler:
        return _Handler(self, self._limited)

    async def until_heads_are_whole(self, *, at_most: timedelta) -> None:
        """Wait for requests of those who connected and have sent none yet."""
        await self._limited.until_heads_are_whole(at_most=at_most)


class _Runner(web.ServerRunner):
    """Stops in the order that applications do: streams end before connections.

    Args:
        server: Makes handlers.
        on_shutdown: Called once nobody can connect any more.
        seconds: How long requests under way may take.
    """

    def __init__(
        self,
        server: _Server,
        *,
        on_shutdown: Callable[[], Awaitable[None]],
        seconds: float,
    ) -> None:
        super().__init__(server, shutdown_timeout=seconds)
        self._on_shutdown = on_shutdown
        self._handlers = server
        self._queues = ExitStack()
        self._listening: list[socket.socket] = []

    async def listen(self, sock: socket.socket) -> None:
        """Serve who connects to a socket, which is closed at the end."""
        # The queue of those who wait to be accepted lives as long as one of the two.
        queue = self._queues.enter_context(sock.dup())
        self._listening.append(queue)
        await web.SockSite(self, sock, backlog=BACKLOG).start()
        queue.settimeout(0)

    async def cleanup(self) -> None:
        """Stop, and answer who was connected by then."""
        for site in list(self.sites):
            await site.stop()
        with self._queues:
            for queue in self._listening:
                await self._accept_last(queue)
        await self._handlers.until_heads_are_whole(at_most=_LAST_HEADS)
        await super().cleanup()

    async def _accept_last(self, queue: socket.socket) -> None:
        """Accept who waits in a queue; what is left in it is reset."""
        loop = asyncio.get_running_loop()
        for _ in range(2 * BACKLOG):
            try:
                taken, _address = queue.accept()
            except BlockingIOError:
                return
            except OSError:  # one that left again
                continue
            taken.settimeout(0)
            await loop.connect_accepted_socket(self._handlers, taken)

    async def shutdown(self) -> None:
        """Let streams go."""
        await self._on_shutdown()


@asynccontextmanager
async def open_server(
    application: web.Application,
    *,
    sockets: Sequence[socket.socket],
    shutdown_seconds: float,
) -> AsyncIterator[web.Server]:
    """Serve an application during the block.

    Args:
        application: What to serve.
        sockets: They listen already; they are closed at the end.
        shutdown_seconds: How long requests under way may take at the end.

    Yields:
        What makes the handler of a connection.
    """
    made = web.AppRunner(application)
    await made.setup()
    inner = made.server
    assert inner is not None
    server = _Server(inner.request_handler, request_factory=inner.request_factory)
    runner = _Runner(
        server,
        on_shutdown=application.shutdown,
        seconds=shutdown_seconds,
    )
    await runner.setup()
    try:
        for sock in sockets:
            await runner.listen(sock)
        yield server
    finally:
        await runner.cleanup()
        await made.cleanup()
