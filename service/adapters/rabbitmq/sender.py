"""Publish messages in batches: one write for each iteration of the event loop.

The library's own publish takes a write, a task and several waits for each message.
Here all messages of one iteration are encoded side by side and written together; the
broker reads them together and confirms many with one frame. The library still reads
the channel: confirms, returned messages and errors.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from aiormq import Channel
from aiormq.abc import ChannelFrame
from aiormq.exceptions import ChannelInvalidStateError

from service.adapters.rabbitmq.confirms import Confirms
from service.adapters.rabbitmq.messages.frames import message_frames, publish_frame
from service.errors import TransientError

__all__ = ["UNCONFIRMED", "OutgoingMessage", "Sender"]

UNCONFIRMED: Final = 500
"""How many messages may wait for a confirm, which bounds the memory. As many again may
be in flight although their senders have timed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message with its exchange and routing key."""

    id: str
    exchange: str
    key: str
    properties: bytes
    """The encoded properties, with the id."""
    body: bytes
    mandatory: bool
    """Whether an unroutable message is an error."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PendingMessage:
    id: str
    frames: bytes
    confirmed: asyncio.Future[object]


# With the library's publish a tracked push cost three times a bare handler with a
# confirmed publish; written together it costs less than that.
class Sender:
    """Publish on one channel, with confirms.

    One for each session, shared by all publishers of the process; unconfirmed
    messages fail with the session, and their senders publish them again.

    Args:
        channel: A channel in confirm mode that raises for returned messages. Nothing
            else publishes on it: delivery tags are counted here.
        confirms: The stream of the channel's connection.
    """

    def __init__(self, channel: Channel, *, confirms: Confirms) -> None:
        self._channel = channel
        self._outbox: list[_PendingMessage] = []
        self._pending: dict[str, _PendingMessage] = {}
        self._ended_by: BaseException | None = None
        channel.closing.add_done_callback(self._end_on_close)
        confirms.listen(channel.number, self._resolve_confirms)

    async def send(self, message: OutgoingMessage) -> None:
        """Publish a message and wait for its confirm.

        Raises:
            TransientError: Too many messages are in flight.
            AMQPError: The channel was closed, or no queue took the message.
        """
        # The library identifies a returned message by its id alone, so a second one
        # with the same id waits for the first.
        while (other := self._pending.get(message.id)) is not None:
            await asyncio.wait([other.confirmed])
        if self._ended_by is not None:
            raise self._ended_by
        # Senders that timed out leave their entries behind until the broker confirms
        # them; without a bound a broker that hangs would grow this for ever.
        if len(self._channel.confirmations) >= 2 * UNCONFIRMED:
            raise TransientError("the broker is behind with its confirms")
        loop = asyncio.get_running_loop()
        frames = _encode_message(message, self._channel)
        pending = _PendingMessage(
            id=message.id, frames=frames, confirmed=loop.create_future()
        )
        self._pending[pending.id] = pending
        # One flush for each iteration of the loop, scheduled by the first message.
        # `call_soon` runs after the tasks that are ready now, so all of them share the
        # write.
        if not self._outbox:
            loop.call_soon(self._flush)
        self._outbox.append(pending)
        try:
            await pending.confirmed
        finally:
            del self._pending[pending.id]
            self._channel.message_id_delivery_tag.pop(pending.id, None)

    def end(self, why: BaseException | None = None) -> None:
        """Fail all pending messages, and every later one, with the reason."""
        if self._ended_by is None:
            self._ended_by = why or ChannelInvalidStateError(f"{self._channel} closed")
        for pending in self._pending.values():
            if not pending.confirmed.done():
                pending.confirmed.set_exception(self._ended_by)

    def _resolve_confirms(self, tag: int, is_for_all_before: bool) -> None:  # noqa: FBT001 - as in AMQP
        """Resolve the futures of confirmed messages, as the library would."""
        # Tags are in ascending order, so those up to `tag` are at the front.
        open_ = self._channel.confirmations
        tags = tuple(takewhile(tag.__ge__, open_)) if is_for_all_before else (tag,)
        for number in tags:
            confirmed = open_.pop(number, None)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)

    def _end_on_close(self, closing: asyncio.Future[object]) -> None:
        self.end(None if closing.cancelled() else closing.exception())

    def _flush(self) -> None:
        """Write the messages of this iteration, without those that were cancelled."""
        batch = [pending for pending in self._outbox if not pending.confirmed.done()]
        self._outbox.clear()
        if not batch:
            return
        # `put_nowait` would raise in a callback of the loop, where nobody catches it.
        if self._channel.write_queue.full():
            for pending in batch:
                busy = TransientError("the connection takes nothing now")
                pending.confirmed.set_exception(busy)
            return
        self._write_batch(batch)

    def _write_batch(self, batch: Sequence[_PendingMessage]) -> None:
        channel = self._channel
        for pending in batch:
            # The broker counts messages by their order on the channel, so tags are
            # given in the order of the write and to none that was cancelled before it.
            channel.delivery_tag += 1
            channel.confirmations[channel.delivery_tag] = pending.confirmed
            channel.message_id_delivery_tag[pending.id] = channel.delivery_tag
        payload = b"".join(pending.frames for pending in batch)
        channel.write_queue.put_nowait(
            ChannelFrame(payload=payload, should_close=False)
        )


def _encode_message(message: OutgoingMessage, channel: Channel) -> bytes:
    number = channel.number
    return message_frames(
        method=publish_frame(message.exchange, message.key, message.mandatory, number),
        properties=message.properties,
        body=message.body,
        channel=number,
        largest=channel.max_content_size,
    )
