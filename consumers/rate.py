"""How many images are built in an hour that nobody waits for."""

from datetime import datetime, timedelta
from typing import Final

__all__ = ["ROUND", "HourlyRate"]

ROUND: Final = timedelta(minutes=1)
"""How often those who share a rate check whose turn it is."""
HOUR: Final = timedelta(hours=1)


# One per process, made by `BusSide`; only the leader takes from it. A new leader has a
# round's tokens at most, however long its process waited to lead.
class HourlyRate:
    """A token bucket, of a round's tokens at most; a fraction is kept.

    Shared by all who build anew on their own account, so that a new builder and a
    schedule that fall together cost no more than one of them.
    """

    def __init__(self, per_hour: int, *, now: datetime) -> None:
        self.per_hour = per_hour
        self._left = 1.0
        self._counted_at = now

    def count_up(self, now: datetime) -> None:
        """Let time bring new turns, but never more at once than a round's."""
        # At least one: a rate of 30 an hour gains half a token in a round and would
        # never reach a whole one.
        each_round = max(1.0, self.per_hour * (ROUND / HOUR))
        gained = self.per_hour * ((now - self._counted_at) / HOUR)
        self._left = min(self._left + gained, each_round)
        self._counted_at = now

    def take(self, images: int = 1) -> bool:
        """Take the turns of some images; return whether there was one.

        Who asks for more than are left goes over, and the next waits.
        """
        if self._left < 1:
            return False
        # May go below zero. A source with more launchers than the rate allows could
        # otherwise never be taken; the debt is paid by the rounds after it.
        self._left -= images
        return True
