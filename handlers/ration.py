"""How many records may be written of one thing: a storm is no storm of writes."""

from collections.abc import Hashable
from datetime import datetime
from typing import Final

__all__ = ["BURST", "PER_SECOND", "Ration"]

PER_SECOND: Final = 1.0
"""Of one repository through one hook, for as long as it lasts: people push less often,
and the database is everybody's. Writing one costs half as much as taking it in."""
BURST: Final = 30.0
"""At once, after a quiet time."""


class Ration:
    """A bucket of tokens for each key; what is full again is forgotten."""

    def __init__(self, *, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left: dict[Hashable, tuple[datetime, float]] = {}

    def take(self, key: Hashable, *, now: datetime) -> bool:
        """Take a token; False when none is left."""
        at, left = self._left.get(key, (now, self._burst))
        left = min(self._burst, left + (now - at).total_seconds() * self._per_second)
        has_one = left >= 1
        self._left[key] = now, left - has_one
        return has_one

    def tidy(self, *, now: datetime) -> None:
        """Forget the keys whose buckets are full."""
        whole = self._burst / self._per_second
        self._left = {
            key: (at, left)
            for key, (at, left) in self._left.items()
            if (now - at).total_seconds() < whole
        }
