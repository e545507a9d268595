"""The ports of the clock and of new ids."""

from datetime import datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "Ids"]


class Clock(Protocol):
    """The current time, and sleeping."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        ...

    async def sleep(self, length: timedelta) -> None:
        """Sleep for a length of time; return at once for zero or less."""
        ...


class Ids(Protocol):
    """A generator of ids."""

    def new(self) -> str:
        """Return a new ULID: 26 characters, growing with time."""
        ...
