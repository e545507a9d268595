"""Reading the raw body of a delivery, within bounds that hold before anybody is known.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final

from aiohttp import web

from service.errors import (
    MalformedDeliveryError,
    OversizedDeliveryError,
    TransientError,
    UnsupportedMediaError,
)

__all__ = ["BIG_BODY", "MAX_BODY", "BodyReader"]

MAX_BODY: Final = 26 * 1024 * 1024
"""GitHub and GitLab cap payloads at 25 MB and send nothing larger; a form body and a
difference of opinion about megabytes need a little more. aiohttp's default of 1 MiB
would lose big pushes for ever, since neither forge sends again."""

BIG_BODY: Final = 1024 * 1024
"""Larger ones are read, verified and parsed a few at once; most pushes are 8 kB."""


# One per process that receives, shared by all requests. The bound holds before the hook
# is known: anybody may post here, and 26 MB times any number of connections would be
# the memory of the machine.
class BodyReader:
    """Read bodies, each within the deadline, a few big ones at once.

    Args:
        deadline: How long a sender may take.
        big_at_once: How many bodies over `BIG_BODY` may be in memory.
    """

    def __init__(self, *, deadline: timedelta, big_at_once: int) -> None:
        self._deadline = deadline
        self._slots = asyncio.Semaphore(big_at_once)

    @property
    def deadline(self) -> timedelta:
        """How long a sender may take."""
        return self._deadline

    def ready(self, request: web.Request) -> bytes | None:
        """Return a small body that came with its headers; None when it has to be read.

        Raises:
            UnsupportedMediaError: It is compressed, so not as it was signed.
            OversizedDeliveryError: It is larger than any forge sends.
        """
        size, content = _checked_size(request), request.content
        if size is None or size > BIG_BODY or not content.is_eof():
            return None
        # The usual case: a body of 8 kB arrives with its headers. Reading it without
        # `await` spares a task switch for each delivery.
        return None if content.exception() else content.read_nowait()

    @asynccontextmanager
    async def body(self, request: web.Request) -> AsyncIterator[bytes]:
        """Yield the body; a big one keeps its place until the block ends.

        Raises:
            UnsupportedMediaError: It is compressed, so not as it was signed.
            OversizedDeliveryError: It is larger than any forge sends.
            HTTPRequestTimeout: The sender was too slow.
            MalformedDeliveryError: The sender left in the middle.
            TransientError: Too many big bodies were read at once.
        """
        size = _checked_size(request)
        async with AsyncExitStack() as stack:
            yield await self._read(request, size or 0, stack)

    async def _read(
        self, request: web.Request, size: int, stack: AsyncExitStack
    ) -> bytes:
        # One deadline for the whole body. A limit for each chunk would let a sender of
        # one byte at a time hold a slot for hours.
        until = asyncio.get_running_loop().time() + self._deadline.total_seconds()
        is_big = size > BIG_BODY
        if is_big:
            await self._take_slot(stack, until)
        received = bytearray()
        while chunk := await _chunk(request, until):
            received += chunk
            if len(received) > MAX_BODY:
                raise _oversized()
            # Chunked bodies have no Content-Length; they ask for a slot once they are
            # seen to be big.
            if len(received) > BIG_BODY and not is_big:
                is_big = True
                await self._take_slot(stack, until)
        return bytes(received)

    async def _take_slot(self, stack: AsyncExitStack, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await stack.enter_async_context(self._slots)
        # A slot that does not come is our overload: 503 with Retry-After, and forges
        # that send again do. It is no fault of the body.
        except TimeoutError as exc:
            raise TransientError(
                "too many big deliveries at once", retry_after=self._deadline
            ) from exc


async def _chunk(request: web.Request, until: float) -> bytes:
    try:
        async with asyncio.timeout_at(until):
            return await request.content.readany()
    except TimeoutError as exc:
        raise web.HTTPRequestTimeout(reason="The body did not come in time") from exc
    except (ConnectionError, web.RequestPayloadError) as exc:
        raise MalformedDeliveryError("the body ended too early") from exc


def _checked_size(request: web.Request) -> int | None:
    # The server would decompress the body, and signatures are over what was sent.
    encodings = request.headers.getall("Content-Encoding", ())
    if encodings and {encoding.strip().lower() for encoding in encodings} - {
        "",
        "identity",
    }:
        raise UnsupportedMediaError("Content-Encoding: expected none, or identity")
    size = request.content_length
    if size is not None and size > MAX_BODY:
        raise _oversized()
    return size


def _oversized() -> OversizedDeliveryError:
    return OversizedDeliveryError(f"the body is over {MAX_BODY} bytes")
