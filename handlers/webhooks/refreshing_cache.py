"""What was read a moment ago, and is read again before it is too old."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Generic, TypeVar

from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["RefreshingCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_GATHER: Final = 10
"""The tenth part of the time that something is fresh: what is asked for meanwhile, and
is as old, is renewed in one read."""


# Two per receiver, for hooks and for sources. With expiry alone every busy key made its
# deliveries wait for a read each few seconds; renewing ahead takes that wait out of the
# busy path.
class RefreshingCache(Generic[K, V]):
    """Keeps what reads found, for a moment.

    What is asked for again and again is renewed behind the scenes when half of its time
    is over, so that a busy hour waits for no read; what nobody asks for is left alone.

    Args:
        read: Reads what there is about some keys and keeps it here.
        clock: Gives the time.
        fresh: How long a value is used after it was read.
        budget: How long a renewal may take.
        most: How many things are kept.
        most_at_once: How many keys a read may be about.
    """

    def __init__(
        self,
        read: Callable[[Collection[K]], Awaitable[object]],
        *,
        clock: Clock,
        fresh: timedelta,
        budget: timedelta,
        most: int,
        most_at_once: int,
    ) -> None:
        self._read = read
        self._clock = clock
        self._fresh = fresh
        self._ageing_after = fresh / 2
        self._budget = budget
        self._most_at_once = most_at_once
        self._most = most
        # A dictionary, the oldest first: a library's cache took three times as long to
        # be asked, for each delivery.
        self._kept: dict[K, tuple[datetime, V | None]] = {}
        self._ageing: set[K] = set()
        self._has_ageing = asyncio.Event()

    def known(self, key: K, *, now: datetime) -> V | None:
        """Return what was read a moment ago; None when that is too long ago."""
        found = self._kept.get(key)
        if found is None:
            return None
        read_at, value = found
        # A mark of `revoke`, kept so that a read which began before the revocation
        # cannot put the old value back.
        if value is None:
            return None
        age = now - read_at
        # The first half needs no renewal: most keys are asked for once and forgotten,
        # and should cost one read.
        if age < self._ageing_after:
            return value
        if age >= self._fresh:
            return None
        self._ageing.add(key)
        self._has_ageing.set()
        return value

    def revoke(self, key: K, *, at: datetime) -> None:
        """Have it read again; what a read that began before then finds is not kept."""
        self._keep(key, None, read_at=at)

    def keep(self, key: K, value: V, *, read_at: datetime) -> None:
        """Keep what a read that began then has found, unless a later one did."""
        self._keep(key, value, read_at=read_at)

    def _keep(self, key: K, value: V | None, *, read_at: datetime) -> None:
        known = self._kept.get(key)
        # Reads overlap, and the slower may have begun earlier. What was read last wins,
        # whichever answers last.
        if known is not None and known[0] > read_at:
            return
        self._kept.pop(key, None)
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (read_at, value)

    def invalidate(self, key: K) -> None:
        """Have it read again."""
        self._kept.pop(key, None)

    async def run(self) -> None:
        """Renew what is asked for, until cancelled."""
        while True:
            await self._has_ageing.wait()
            await self._clock.sleep(self._fresh / _GATHER)
            # A part at a time: one read of ten thousand keys would exceed the budget
            # and renew none of them.
            keys = tuple(islice(self._ageing, self._most_at_once))
            self._ageing.difference_update(keys)
            if not self._ageing:
                self._has_ageing.clear()
            await self._renew(keys)

    async def _renew(self, keys: Collection[K]) -> None:
        try:
            async with asyncio.timeout(self._budget.total_seconds()):
                await self._read(keys)
        except (TransientError, TimeoutError):
            return  # whoever asks when it is too old reads, and hears why not
