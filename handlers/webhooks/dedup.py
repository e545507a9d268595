"""Deliveries that were accepted a short while ago."""

from datetime import timedelta
from typing import Final

from cachetools import TTLCache

from service.domain.delivery import DeliveryId
from service.ports.time import Clock

__all__ = ["RecentDeliveries"]

_WINDOW: Final = timedelta(minutes=10)
"""Short on purpose: who presses Redeliver an hour later wants another evaluation."""
_MOST: Final = 10_000


# One per receiver, in memory only. Two receivers may both accept a delivery that is
# sent twice; what is behind them tolerates that, so no shared table is paid for.
class RecentDeliveries:
    """Remember accepted deliveries, to spare work; nothing depends on it."""

    def __init__(self, *, clock: Clock) -> None:
        self._accepted: TTLCache[DeliveryId, None, float] = TTLCache(
            maxsize=_MOST,
            ttl=_WINDOW.total_seconds(),
            # cachetools takes time.monotonic by default; the service's clock is what
            # tests move.
            timer=lambda: clock.now().timestamp(),
        )

    def has(self, delivery: DeliveryId) -> bool:
        """Return whether a delivery was accepted a short while ago."""
        return delivery in self._accepted

    def add(self, delivery: DeliveryId) -> None:
        """Remember a delivery, once its event is durable."""
        self._accepted[delivery] = None
