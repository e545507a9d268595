"""Who goes first in a process: a push on its way to its build, before the rest."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["Precedence"]

_BEGINS: Final = 0.005
"""Seconds within which whoever is woken by the same commit has begun."""
_LONGEST: Final = 0.1
"""Seconds that anybody stands back: a crowd is under way for minutes."""


# One per process. Its loops share one thread, and each statement of one is a
# millisecond of the others; what subscribers get and what is looked for next can wait.
class Precedence:
    """Lets some loops of a process stand back while others are under way."""

    def __init__(self) -> None:
        self._under_way = 0
        self._nobody = asyncio.Event()
        self._nobody.set()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the others stand back while the block runs."""
        self._under_way += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._nobody.set()

    async def give_way(self) -> None:
        """Stand back while anybody goes first, but never for long."""
        await asyncio.sleep(_BEGINS)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST):
                await self._nobody.wait()
