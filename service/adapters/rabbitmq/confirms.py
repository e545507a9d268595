"""Confirms, read where they arrive: nearly all that a broker says to who publishes.

The library reads any frame, through two tasks and two queues; that is a tenth of all
that a delivery costs when messages leave one by one. Here a stream is looked through
for acknowledgements of one channel; everything else goes on to the library.
https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.3.5
https://www.rabbitmq.com/docs/confirms
"""

import asyncio
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final, SupportsIndex

import aio_pika
from aiormq.connection import SSLContextProvider, TransportFactory
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

__all__ = ["ConfirmingConnection", "Confirms"]

Confirm = Callable[[int, bool], None]
"""Told a delivery tag, and whether all before it are meant too."""

_HEAD: Final = struct.Struct(">BHI")
"""Type, channel, size."""
_END: Final = 1
_METHOD: Final = 1
_ACK: Final = struct.Struct(">HHQB")
_BASIC_ACK: Final = (60, 80)
_MULTIPLE: Final = 1
_HEARTBEAT: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"
_TELL_EVERY: Final = 1.0
"""Seconds. The library takes a connection for dead that says nothing, and the broker
sends no heartbeat while it sends confirms."""


class Confirms(asyncio.StreamReader):
    """A stream from a broker, without the acknowledgements that somebody waits for.

    Whatever else is said to that channel (a message comes back, one is refused, the
    channel is closed) has its place among the acknowledgements that follow, so from
    then on the library reads them all, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self._clock = asyncio.get_running_loop().time
        self._confirm: Confirm | None = None
        self._channel = 0
        self._part = b""  # of a frame, its beginning
        self._given = 0  # how much of that the library has
        self._told_at = 0.0

    def listen(self, channel: int, confirm: Confirm) -> None:
        """Tell of the acknowledgements of a channel from the next frame on."""
        self._channel, self._confirm = channel, confirm

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Take what arrived."""
        if left := self._sift(self._part + bytes(data)):
            super().feed_data(left)

    def feed_eof(self) -> None:
        """Take the end."""
        if held := self._part[self._given :]:
            super().feed_data(held)
        super().feed_eof()

    def _sift(self, data: bytes) -> bytes:
        """Tell of what is acknowledged; return what the library is to read."""
        left: list[bytes] = []
        at, given = 0, self._given
        while (end := _end_of_frame(data, at)) <= len(data):
            is_taken = not given and self._takes(data, at, end)
            rest = self._sign_of_life() if is_taken else data[max(at, given) : end]
            left.append(rest)
            at, given = end, 0
        self._part = data[at:]
        # A frame that may be an acknowledgement is held back until it is whole.
        if given or self._confirm is None:
            left.append(data[max(at, given) :])
            given = len(self._part)
        self._given = given
        return b"".join(left)

    def _takes(self, data: bytes, at: int, end: int) -> bool:
        """Tell of an acknowledgement; say False for what the library is to read."""
        kind, channel, _ = _HEAD.unpack_from(data, at)
        if self._confirm is None or channel != self._channel:
            return False
        acknowledged = _acknowledged(data, at, end) if kind == _METHOD else None
        if acknowledged is None:
            self._confirm = None
            return False
        self._confirm(*acknowledged)
        return True

    def _sign_of_life(self) -> bytes:
        """Return what stands for an acknowledgement, once in a while."""
        now = self._clock()
        if now - self._told_at < _TELL_EVERY:
            return b""
        self._told_at = now
        return _HEARTBEAT


def _end_of_frame(data: bytes, at: int) -> int:
    """Return where a frame ends; behind all data when that is not known yet."""
    if len(data) < at + _HEAD.size:
        return len(data) + 1
    return at + _HEAD.size + int(_HEAD.unpack_from(data, at)[2]) + _END


def _acknowledged(data: bytes, at: int, end: int) -> tuple[int, bool] | None:
    """Return what a method acknowledges; None for any other."""
    if end - at != _HEAD.size + _ACK.size + _END:
        return None
    family, method, tag, bits = _ACK.unpack_from(data, at + _HEAD.size)
    return (tag, bool(bits & _MULTIPLE)) if (family, method) == _BASIC_ACK else None


class _Transport(TransportFactory):
    """Opens connections whose stream is looked through."""

    def __init__(self, confirms: Confirms) -> None:
        self._confirms = confirms

    async def create(
        self,
        url: URL,
        **kwargs: Any,  # noqa: ANN401 - the library's
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, as the library's own do.

        Raises:
            AMQPConnectionError: Nobody answers there.
        """
        loop = asyncio.get_running_loop()
        provider: SSLContextProvider = kwargs.pop("ssl_context_provider")
        tls = await provider.get_context() if url.scheme == "amqps" else None
        protocol = asyncio.StreamReaderProtocol(self._confirms, loop=loop)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, url.host or "", url.port or 0, ssl=tls, **kwargs
            )
        except OSError as exc:
            raise AMQPConnectionError(*exc.args) from exc
        writer = asyncio.StreamWriter(transport, protocol, self._confirms, loop)
        return self._confirms, writer


class ConfirmingConnection(aio_pika.Connection):
    """The library's connection, over a stream that knows confirms."""

    confirms: Confirms
    """The stream, once connected."""

    async def connect(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the library's
        """Connect."""
        self.confirms = Confirms()
        self.kwargs["transport_factory"] = _Transport(self.confirms)
        await super().connect(timeout)
