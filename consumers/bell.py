"""Wakes a loop that waits for something to do."""

import asyncio
from datetime import timedelta

from service.ports.time import Clock

__all__ = ["Bell"]


class Bell:
    """Rung by whoever made work; heard once, however often it was rung."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        self._rung.set()

    async def wait(self, *, at_most: timedelta) -> None:
        """Return when rung, or after a while."""
        async with asyncio.TaskGroup() as group:
            ring = group.create_task(self._rung.wait())
            nap = group.create_task(self._clock.sleep(at_most))
            await asyncio.wait({ring, nap}, return_when=asyncio.FIRST_COMPLETED)
            ring.cancel()
            nap.cancel()
        self._rung.clear()
