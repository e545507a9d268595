"""Time and names."""

from datetime import datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "Ids"]


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        ...

    async def sleep(self, length: timedelta) -> None:
        """Return after the length has passed; at once for zero or less."""
        ...


class Ids(Protocol):
    """Makes ids."""

    def new(self) -> str:
        """Return a new ULID: 26 characters, growing with time."""
        ...
