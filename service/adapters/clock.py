"""The machine's clock and ids."""

import asyncio
from datetime import UTC, datetime, timedelta

from ulid import ULID

__all__ = ["SystemClock", "UlidIds"]


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the clock

    async def sleep(self, length: timedelta) -> None:
        await asyncio.sleep(max(0.0, length.total_seconds()))


class UlidIds:
    """Random ULIDs, as https://github.com/ulid/spec has them."""

    def new(self) -> str:
        return str(ULID())
