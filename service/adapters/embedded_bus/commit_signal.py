"""Wake those who wait for a commit of this process."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

__all__ = ["POLL", "CommitSignal", "wait_for_signal"]

POLL: Final = timedelta(seconds=1)
"""The maximum delay of a message from another process, or after its retry delay."""


class CommitSignal:
    """Wake all waiters that took its `next` event before `notify`."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def notify(self) -> None:
        """Wake everybody who holds the present `next`."""
        self.next.set()
        self.next = asyncio.Event()


async def wait_for_signal(signal: asyncio.Event, *, within: timedelta) -> None:
    """Wait for a signal, for as long as nothing else may have happened."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            await signal.wait()
