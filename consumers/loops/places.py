"""Places for work at once, taken together."""

import asyncio

__all__ = ["Places"]


class Places:
    """As many places as there may be pieces of work under way; one takes them."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    async def take_all(self) -> int:
        """Take every place that is free, at least one; return how many."""
        await self._free.acquire()
        taken = 1
        while not self._free.locked():
            await self._free.acquire()
            taken += 1
        return taken

    def give_back(self, count: int) -> None:
        """Let others have some places."""
        for _ in range(count):
            self._free.release()
