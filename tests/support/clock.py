"""A clock that tests turn."""

import asyncio
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class TurnedClock:
    """Time stands still until `advance`; sleepers wake when their time has come."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self._moved = asyncio.Event()
        self.sleepers = 0
        """How many sleep now."""

    def now(self) -> datetime:
        return self._now

    async def sleep(self, length: timedelta) -> None:
        until = self._now + length
        self.sleepers += 1
        try:
            while self._now < until:
                await self._moved.wait()
        finally:
            self.sleepers -= 1

    def advance(self, length: timedelta) -> None:
        self._now += length
        self._moved.set()
        self._moved = asyncio.Event()

    async def until_asleep(self) -> None:
        """Return when somebody sleeps; who was woken goes on first."""
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while not self.sleepers:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0)
