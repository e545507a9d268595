"""Reading the raw body of a delivery, within bounds that hold before anybody is known.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
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


_LOOK: Final = 0.25
"""Seconds between looks for a slow sender, by whoever waits for its place."""
_START: Final = 1.0
"""Seconds that a sender has before its rate counts."""
_RATE: Final = 256 * 1024
"""Bytes a second that keep a place while others wait. A forge gives up after 10 s, so
what it sends comes faster."""


@dataclass(eq=False, slots=True, kw_only=True)
class _Place:
    """The place of one big body, from its second MiB until its delivery is handled."""

    address: str
    limit: asyncio.Timeout
    """Ends its reading."""
    taken_at: float
    received: int = 0
    is_whole: bool = False

    def is_slow(self, now: float) -> bool:
        """Return whether its sender keeps others waiting."""
        age = now - self.taken_at
        is_read = self.is_whole or self.limit.expired()
        return not is_read and age > _START and self.received < age * _RATE


class _Places:
    """The places of big bodies: few, and nobody holds one without sending.

    Whose body it is is known when it is whole. So a place that is waited for is taken
    from a sender that has become slow, and given to the address that holds the fewest.

    Args:
        count: How many there are.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._held: set[_Place] = set()
        self._waiting: dict[asyncio.Future[None], str] = {}

    @asynccontextmanager
    async def take(self, address: str, limit: asyncio.Timeout) -> AsyncIterator[_Place]:
        """Wait for a place, and hold it until the block ends."""
        if self._free and not self._waiting:
            self._free -= 1
        else:
            await self._wait(address)
        now = asyncio.get_running_loop().time()
        place = _Place(address=address, limit=limit, taken_at=now)
        self._held.add(place)
        try:
            yield place
        finally:
            self._held.discard(place)
            self._release()

    async def _wait(self, address: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = address
        try:
            while not turn.done():
                self._end_slowest()
                await asyncio.wait([turn], timeout=_LOOK)
        except asyncio.CancelledError:
            # The turn may have come at the same moment: it is somebody else's then.
            if self._waiting.pop(turn, None) is None:
                self._release()
            raise

    def _end_slowest(self) -> None:
        now = asyncio.get_running_loop().time()
        slow = [place for place in self._held if place.is_slow(now)]
        if slow:
            slowest = min(slow, key=lambda place: place.received)
            slowest.limit.reschedule(now)

    def _release(self) -> None:
        self._free += 1
        if not self._waiting:
            return
        held = Counter(place.address for place in self._held)
        turn = min(self._waiting, key=lambda turn: held[self._waiting[turn]])
        del self._waiting[turn]
        self._free -= 1
        turn.set_result(None)


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
        self._places = _Places(big_at_once)

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
        _checked_size(request)
        async with AsyncExitStack() as stack:
            yield await self._read(request, stack)

    async def _read(self, request: web.Request, stack: AsyncExitStack) -> bytes:
        # One deadline for the whole body. A limit for each chunk would let a sender of
        # one byte at a time hold a place for hours.
        until = asyncio.get_running_loop().time() + self._deadline.total_seconds()
        received, place = bytearray(), None
        try:
            async with asyncio.timeout_at(until) as limit:
                while chunk := await _chunk(request):
                    received += chunk
                    if len(received) > MAX_BODY:
                        raise _oversized()
                    # What has come counts, and not what was declared: a place would
                    # be held by whoever names a length and sends nothing.
                    if place is None and len(received) > BIG_BODY:
                        place = await self._take_place(request, stack, limit)
                    if place is not None:
                        place.received += len(chunk)
        except TimeoutError as exc:
            late = "The body did not come in time"
            raise web.HTTPRequestTimeout(reason=late) from exc
        if place is not None:
            place.is_whole = True
        return bytes(received)

    async def _take_place(
        self, request: web.Request, stack: AsyncExitStack, limit: asyncio.Timeout
    ) -> _Place:
        if limit.expired():
            await asyncio.sleep(0)  # it ends here: an expired one cannot be changed
        until = limit.when()
        # Waiting is no fault of the sender: of two limits at one moment, chance would
        # choose between 408 and 503.
        limit.reschedule(None)
        try:
            async with asyncio.timeout_at(until):
                taking = self._places.take(request.remote or "", limit)
                place = await stack.enter_async_context(taking)
        # A place that does not come is our overload: 503 with Retry-After, and forges
        # that send again do. It is no fault of the body.
        except TimeoutError as exc:
            raise TransientError(
                "too many big deliveries at once", retry_after=self._deadline
            ) from exc
        limit.reschedule(until)
        return place


async def _chunk(request: web.Request) -> bytes:
    try:
        return await request.content.readany()
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
