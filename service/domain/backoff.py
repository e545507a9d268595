"""Waits that double: the one formula of everybody who tries again later."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

__all__ = ["Backoff"]

_DOUBLINGS: Final = 16
"""More are never needed, and a `timedelta` overflows at fifty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait after failures in a row."""

    first: timedelta
    longest: timedelta

    def wait_after(self, failures: int) -> timedelta:
        """Return the wait after so many failures; after none it is the first one."""
        doublings = min(max(0, failures - 1), _DOUBLINGS)
        return min(self.first * (1 << doublings), self.longest)
