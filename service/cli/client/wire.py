"""What carries requests to a service, and what it brings back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from service.errors import ServiceError

__all__ = [
    "ApiReply",
    "HttpClient",
    "RefusedStreamError",
    "ServerEvent",
    "UnreachableError",
]


class UnreachableError(ServiceError):
    """Nothing that speaks HTTP answers at the URL."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"no relaunch service answers at {url}; start one with `relaunch dev`"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiReply:
    """An HTTP answer."""

    status: int
    text: str
    next_cursor: str = ""
    """Where the next page of a list begins; empty after the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """One event of a stream.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    name: str
    data: str
    id: str = ""


class HttpClient(Protocol):
    """Carries requests to one service."""

    @property
    def url(self) -> str:
        """Where the service is."""
        ...

    async def send(
        self, method: str, path: str, *, body: object | None = None
    ) -> ApiReply:
        """Send a request and return the answer, whatever its status.

        Raises:
            UnreachableError: Nothing answers.
        """
        ...

    def stream(self, path: str, *, after: str = "") -> AsyncIterator[ServerEvent]:
        """Yield events until the service ends the stream; reconnects when cut.

        Raises:
            UnreachableError: Nothing answers.
            RefusedStreamError: The service answered something else than a stream.
        """
        ...


class RefusedStreamError(Exception):
    """A stream's request was answered with an error."""

    def __init__(self, reply: ApiReply) -> None:
        super().__init__(reply.status)
        self.reply = reply
