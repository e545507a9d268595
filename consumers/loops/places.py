"""Places for work at once, taken together."""

import asyncio
from collections.abc import Coroutine, Sequence

__all__ = ["Places"]

_Work = Coroutine[None, None, None]


class Places:
    """As many places as there may be pieces of work under way.

    Args:
        count: How many; none where nobody works.
        group: Where the work is done.
    """

    def __init__(self, count: int, *, group: asyncio.TaskGroup) -> None:
        self._free = asyncio.Semaphore(count)
        self._count = count
        self._group = group

    async def take_all(self) -> int:
        """Take every place that is free, at least one; return how many."""
        await self._free.acquire()
        return 1 + await self.take_free(self._count)

    async def take_free(self, most: int) -> int:
        """Take places that are free, without waiting for any; return how many."""
        taken = 0
        while taken < most and not self._free.locked():
            await self._free.acquire()
            taken += 1
        return taken

    def begin(self, work: Sequence[_Work], *, taken: int) -> None:
        """Begin work in places that were taken, and give the others back."""
        for piece in work:
            self._group.create_task(self._do(piece))
        self._give_back(taken - len(work))

    async def _do(self, piece: _Work) -> None:
        try:
            await piece
        finally:
            self._give_back(1)

    def _give_back(self, count: int) -> None:
        for _ in range(count):
            self._free.release()
