"""What arrives from a queue, in the order in which the broker sent it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, Self

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from service.adapters.rabbitmq.errors import translate_errors
from service.errors import ServiceError

__all__ = ["READY_WITHIN", "Arrivals", "arriving"]

READY_WITHIN: Final = timedelta(seconds=10)
"""A quorum queue may have to elect a leader after a crash of the broker; after this
time, it is consumed again on a new channel."""


class Arrivals:
    """The messages of one consumer; they end when its channel or queue goes away.

    Args:
        at_most: Drop the oldest unread message when there are more; 0 for no limit.
        on_drop: Called for each dropped message.
    """

    def __init__(self, *, at_most: int, on_drop: Callable[[], None]) -> None:
        self._unread: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue(
            at_most
        )
        self._on_drop = on_drop
        self.is_over = False
        """Whether the reader came to their end."""

    def __aiter__(self) -> Self:
        return self

    # No generator: one that is cancelled while it waits, as by a time limit, is over.
    async def __anext__(self) -> AbstractIncomingMessage:
        message = await self._unread.get()
        if message is None:
            self.is_over = True
            raise StopAsyncIteration
        return message

    async def add(self, message: AbstractIncomingMessage) -> None:
        """Add a message; called by the library."""
        self._put(message)

    def end(self, *_: object) -> None:
        """Let the reader end after what has arrived."""
        self._put(None)

    def _put(self, item: AbstractIncomingMessage | None) -> None:
        # Only the tail has a limit here; for roles the prefetch bounds the inbox, and
        # nothing is ever dropped.
        if self._unread.full():
            self._unread.get_nowait()
            self._on_drop()
        self._unread.put_nowait(item)


@asynccontextmanager
async def arriving(
    channel: AbstractChannel,
    queue: AbstractQueue,
    *,
    no_ack: bool = False,
    exclusive: bool = False,
    at_most: int = 0,
    on_drop: Callable[[], None] = lambda: None,
) -> AsyncIterator[Arrivals]:
    """Consume a queue.

    Args:
        channel: The channel; its owner closes it, which requeues unsettled messages.
        queue: The queue.
        no_ack: Consume without acknowledgements.
        exclusive: Be the only consumer; refused where there is another one.
        at_most: Drop the oldest unread message when there are more; 0 for no limit
            but the channel's prefetch.
        on_drop: Called for each dropped message.
    """
    arrivals = Arrivals(at_most=at_most, on_drop=on_drop)
    underlay = await channel.get_underlay_channel()
    underlay.closing.add_done_callback(arrivals.end)
    underlay.on_consumer_cancel_callbacks.add(arrivals.end)
    with translate_errors(f"consuming {queue.name}"):
        async with asyncio.timeout(READY_WITHIN.total_seconds()):
            tag = await queue.consume(arrivals.add, no_ack=no_ack, exclusive=exclusive)
    try:
        yield arrivals
    finally:
        underlay.on_consumer_cancel_callbacks.discard(arrivals.end)
        with contextlib.suppress(ServiceError), translate_errors("leaving a queue"):
            # Without waiting for the answer: the channel is closed next, and a broker
            # that hangs would hold the stop of the process up.
            await queue.cancel(tag, nowait=True)
