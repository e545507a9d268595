"""The HTTP server around the application: it repeats nothing of what it cannot read.

aiohttp answers a request that is no HTTP with the very bytes it stumbled over, and
logs them with a traceback: a token with one bad byte would be in both. Here such a
request costs one line and gets an answer that says what kind of thing is wrong.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import http_exceptions, web

from handlers.middleware import error_response

__all__ = ["open_server"]

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


class _Handler(web.RequestHandler):
    """One connection."""

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
            said = "Something went wrong here."
        else:
            said = _what(exc)
            log.info("request not readable", status=status, seen=said)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        response = error_response(status, said)
        response.force_close()
        return response

    def log_exception(self, *args: object, **kw: object) -> None:
        """Log what the server itself stumbles over."""
        del args  # its own words may hold what was sent
        log.error("connection failed", exc_info=kw.get("exc_info"))


def _what(exc: BaseException | None) -> str:
    known = (_SAID[it] for it in type(exc).__mro__ if it in _SAID)
    return next(known, _UNREADABLE)


class _Server(web.Server):
    """Makes a handler for every connection."""

    def __call__(self) -> web.RequestHandler:
        return _Handler(
            self,
            loop=asyncio.get_running_loop(),
            **_OPTIONS,
        )


class _Runner(web.ServerRunner):
    """Stops in the order that applications do: streams end before connections.

    Args:
        server: Makes handlers.
        on_shutdown: Called once nobody can connect any more.
        seconds: How long requests under way may take.
    """

    def __init__(
        self,
        server: web.Server,
        *,
        on_shutdown: Callable[[], Awaitable[None]],
        seconds: float,
    ) -> None:
        super().__init__(server, shutdown_timeout=seconds)
        self._on_shutdown = on_shutdown

    async def shutdown(self) -> None:
        """Let streams go."""
        await self._on_shutdown()


@asynccontextmanager
async def open_server(
    application: web.Application, *, shutdown_seconds: float
) -> AsyncIterator[web.BaseRunner]:
    """Make an application ready to be served; sites are added by who has the address.

    Args:
        application: What to serve.
        shutdown_seconds: How long requests under way may take at the end.
    """
    made = web.AppRunner(application)
    await made.setup()
    inner = made.server
    assert inner is not None
    runner = _Runner(
        _Server(inner.request_handler, request_factory=inner.request_factory),
        on_shutdown=application.shutdown,
        seconds=shutdown_seconds,
    )
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()
        await made.cleanup()
