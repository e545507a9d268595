"""Requests over HTTP, and streams of server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from io import BytesIO
from typing import Final, Self

import aiohttp

from service.cli.client.wire import (
    ApiReply,
    RefusedStreamError,
    ServerEvent,
    UnreachableError,
)
from service.domain.hook import Secret
from service.errors import InvalidRequestError

__all__ = ["HttpWire", "deliver", "parsed_events"]

PATIENCE: Final = timedelta(seconds=60)
"""For one answer: reading a distant repository may be part of it."""
CONNECT: Final = timedelta(seconds=5)
RECONNECTS: Final = 5
"""How often a cut stream is taken up again before the service counts as gone."""
PAUSE: Final = timedelta(seconds=1)
DELIVERY: Final = timedelta(seconds=10)
"""How long forges wait for a webhook's answer."""
LINE: Final = 4 * 1024 * 1024
"""A line of a stream is one event; aiohttp's 64 KiB would refuse a long one."""


class HttpWire:
    """Carries requests to one service over HTTP.

    Args:
        url: Where the service is.
        session: Carries the token.
    """

    def __init__(self, *, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, token: Secret | None) -> AsyncIterator[Self]:
        """Open the connections to a service.

        Raises:
            InvalidRequestError: The URL is not one of HTTP.
        """
        if not url.startswith(("http://", "https://")):
            raise InvalidRequestError(
                f"{url!r} is no URL; expected http://… or https://…"
            )
        headers = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
        timeout = aiohttp.ClientTimeout(
            total=PATIENCE.total_seconds(), sock_connect=CONNECT.total_seconds()
        )
        async with aiohttp.ClientSession(
            headers=headers, timeout=timeout, read_bufsize=LINE
        ) as session:
            yield cls(url=url, session=session)

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._url

    async def send(
        self, method: str, path: str, *, body: object | None = None
    ) -> ApiReply:
        """Send a request and return the answer, whatever its status."""
        try:
            async with self._session.request(
                method, self._url + path, json=body, allow_redirects=False
            ) as response:
                text = await response.text(errors="replace")
                after = response.headers.get("next-cursor", "")
                return ApiReply(status=response.status, text=text, next_cursor=after)
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            raise UnreachableError(self._url) from exc

    async def stream(self, path: str, *, after: str = "") -> AsyncIterator[ServerEvent]:
        """Yield events; a cut stream is taken up again after the last event's id."""
        cuts = 0
        while True:
            try:
                async for event in self._events(path, after=after):
                    after, cuts = event.id or after, 0
                    yield event
            except (aiohttp.ClientError, OSError, TimeoutError) as exc:
                cuts += 1
                if cuts > RECONNECTS or not after:
                    raise UnreachableError(self._url) from exc
                await asyncio.sleep(PAUSE.total_seconds())
            else:
                return

    async def _events(self, path: str, *, after: str) -> AsyncIterator[ServerEvent]:
        headers = {"Accept": "text/event-stream"}
        if after:
            headers["Last-Event-ID"] = after
        unlimited = aiohttp.ClientTimeout(sock_connect=CONNECT.total_seconds())
        async with self._session.get(
            self._url + path, headers=headers, timeout=unlimited
        ) as response:
            if (
                response.status != HTTPStatus.OK
                or response.content_type != "text/event-stream"
            ):
                text = await response.text(errors="replace")
                raise RefusedStreamError(ApiReply(status=response.status, text=text))
            async for event in parsed_events(response.content):
                yield event


async def parsed_events(content: aiohttp.StreamReader) -> AsyncIterator[ServerEvent]:
    """Read server-sent events off a body."""
    name, data, last = "message", list[str](), ""
    async for raw in content:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield ServerEvent(name=name, data="\n".join(data), id=last)
            name, data = "message", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            last = value


async def deliver(url: str, *, headers: Mapping[str, str], body: bytes) -> ApiReply:
    """Post one delivery, as a forge does, and return the answer.

    Raises:
        UnreachableError: Nothing answers in the time a forge gives.
    """
    timeout = aiohttp.ClientTimeout(total=DELIVERY.total_seconds())
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            # As a file: aiohttp writes one in pieces, and a long one beside the loop.
            session.post(url, headers=headers, data=BytesIO(body)) as response,
        ):
            text = await response.text(errors="replace")
            return ApiReply(status=response.status, text=text)
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        raise UnreachableError(url) from exc
