"""Messages into a channel: what is sent in one turn of the loop leaves in one write.

The library's own publish makes a write, a task and a handful of waits of each message.
Here the messages of a turn are written side by side and handed over together; the
broker then takes them together, and confirms many of them with one word. The channel
stays the library's, which reads what comes back and what is refused.
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
from service.adapters.rabbitmq.frames import message_frames, publish_frame
from service.errors import TransientError

__all__ = ["UNCONFIRMED", "Parcel", "Sender"]

UNCONFIRMED: Final = 500
"""How many may wait for the broker at once: memory is bounded by this. The same number
again may have been given up by their senders and still be under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A message and where it goes."""

    id: str
    exchange: str
    key: str
    properties: bytes
    """With the id, as AMQP writes them."""
    body: bytes
    mandatory: bool
    """Whether it is an error when no queue takes it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Letter:
    id: str
    frames: bytes
    confirmed: asyncio.Future[object]


class Sender:
    """Sends over one channel, with confirms.

    Args:
        channel: With confirms, and errors for what comes back. Nobody else publishes
            on it, or confirms would be taken for those of other messages.
        confirms: The stream of the channel's connection.
    """

    def __init__(self, channel: Channel, *, confirms: Confirms) -> None:
        self._channel = channel
        self._leaving: list[_Letter] = []
        self._waiting: dict[str, _Letter] = {}
        self._over: BaseException | None = None
        channel.closing.add_done_callback(self._closed)
        confirms.listen(channel.number, self._confirmed)

    async def send(self, parcel: Parcel) -> None:
        """Return once the broker has confirmed a parcel.

        Raises:
            TransientError: Too much is under way.
            AMQPError: What the library raises, also by cancelling: the channel was
                closed, or no queue took the message.
        """
        # The library knows a returned message by its id alone: doubles are kept apart.
        while (other := self._waiting.get(parcel.id)) is not None:
            await asyncio.wait([other.confirmed])
        if self._over is not None:
            raise self._over
        if len(self._channel.confirmations) >= 2 * UNCONFIRMED:
            raise TransientError("the broker is behind with its confirms")
        loop = asyncio.get_running_loop()
        frames = _written(parcel, self._channel)
        letter = _Letter(id=parcel.id, frames=frames, confirmed=loop.create_future())
        self._waiting[letter.id] = letter
        if not self._leaving:
            loop.call_soon(self._leave)
        self._leaving.append(letter)
        try:
            await letter.confirmed
        finally:
            del self._waiting[letter.id]
            self._channel.message_id_delivery_tag.pop(letter.id, None)

    def end(self, why: BaseException | None = None) -> None:
        """Wait for no more confirms: whoever does learns why, and whoever sends."""
        if self._over is None:
            self._over = why or ChannelInvalidStateError(f"{self._channel} closed")
        for letter in self._waiting.values():
            if not letter.confirmed.done():
                letter.confirmed.set_exception(self._over)

    def _confirmed(self, tag: int, is_for_all_before: bool) -> None:  # noqa: FBT001 - as the broker says it
        """Let senders go, as the library does in the end."""
        open_ = self._channel.confirmations
        tags = tuple(takewhile(tag.__ge__, open_)) if is_for_all_before else (tag,)
        for it in tags:
            confirmed = open_.pop(it, None)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)

    def _closed(self, closing: asyncio.Future[object]) -> None:
        self.end(None if closing.cancelled() else closing.exception())

    def _leave(self) -> None:
        """Hand over what gathered; who gave up meanwhile is not sent."""
        letters = [it for it in self._leaving if not it.confirmed.done()]
        self._leaving.clear()
        if not letters:
            return
        if self._channel.write_queue.full():
            for letter in letters:
                busy = TransientError("the connection takes nothing now")
                letter.confirmed.set_exception(busy)
            return
        self._hand_over(letters)

    def _hand_over(self, letters: Sequence[_Letter]) -> None:
        channel = self._channel
        for letter in letters:
            channel.delivery_tag += 1
            channel.confirmations[channel.delivery_tag] = letter.confirmed
            channel.message_id_delivery_tag[letter.id] = channel.delivery_tag
        payload = b"".join(it.frames for it in letters)
        channel.write_queue.put_nowait(
            ChannelFrame(payload=payload, should_close=False)
        )


def _written(parcel: Parcel, channel: Channel) -> bytes:
    number = channel.number
    return message_frames(
        method=publish_frame(parcel.exchange, parcel.key, parcel.mandatory, number),
        properties=parcel.properties,
        body=parcel.body,
        channel=number,
        largest=channel.max_content_size,
    )
