"""Parse publisher confirms as they arrive: nearly all frames that a publisher gets.

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
"""Called with a delivery tag, and whether it includes all tags before it."""

_HEAD: Final = struct.Struct(">BHI")
"""Type, channel, size."""
_END: Final = 1
_METHOD: Final = 1
_ACK: Final = struct.Struct(">HHQB")
_BASIC_ACK: Final = (60, 80)
_MULTIPLE: Final = 1
_HEARTBEAT: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"
_GOODBYE: Final = 5.0
"""Seconds for the end of TLS."""
_REPORT_INTERVAL: Final = 1.0
"""Seconds. The library considers a silent connection dead, and the broker sends no
heartbeats while it sends confirms."""


class Confirms(asyncio.StreamReader):
    """The stream from a broker, without the acknowledgements that `listen` takes out.

    One for each connection, made by the library with it, and lost with it.
    """

    # Any other method on that channel (a returned or refused message, a closed
    # channel) must be handled in order with the acknowledgements after it: from then
    # on, the library reads them all.

    def __init__(self) -> None:
        super().__init__()
        self._clock = asyncio.get_running_loop().time
        self._confirm: Confirm | None = None
        self._channel = 0
        self._part = b""  # of a frame, its beginning
        self._given = 0  # how much of that the library has
        self._reported_at = 0.0

    def listen(self, channel: int, confirm: Confirm) -> None:
        """Report the acknowledgements of a channel, from the next frame on."""
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
        """Report acknowledgements; return the bytes that the library has to read."""
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
        """Report an acknowledgement; return False for frames that the library reads."""
        kind, channel, _ = _HEAD.unpack_from(data, at)
        # After any other method on this channel `_confirm` is None for good: order
        # matters between a returned message and its acknowledgement, and only the
        # library keeps it from there on.
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
        if now - self._reported_at < _REPORT_INTERVAL:
            return b""
        self._reported_at = now
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
        self.transport: asyncio.Transport | None = None

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
        if url.scheme == "amqps":
            kwargs |= {
                "ssl": await provider.get_context(),
                # Or a node that hangs is waited for, half a minute by itself.
                "ssl_shutdown_timeout": _GOODBYE,
            }
        protocol = asyncio.StreamReaderProtocol(self._confirms, loop=loop)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, url.host or "", url.port or 0, **kwargs
            )
        except OSError as exc:
            raise AMQPConnectionError(*exc.args) from exc
        self.transport = transport
        writer = asyncio.StreamWriter(transport, protocol, self._confirms, loop)
        return self._confirms, writer


class ConfirmingConnection(aio_pika.Connection):
    """The library's connection, over a stream that knows confirms."""

    confirms: Confirms
    """The stream, once connected."""

    async def connect(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the library's
        """Connect."""
        self.confirms = Confirms()
        self._factory = _Transport(self.confirms)
        self.kwargs["transport_factory"] = self._factory
        await super().connect(timeout)

    def abort(self) -> None:
        """Cut the connection off; whoever waits for something of it fails.

        The library has no limit for what it waits for when it closes: a peer that reads
        nothing more holds it until the kernel gives up, for a quarter of an hour.
        """
        if self._factory.transport is not None:
            self._factory.transport.abort()
