"""Deliveries that were accepted a short while ago."""

from datetime import datetime, timedelta
from typing import Final

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
        self._clock = clock
        # By age. The oldest go when there are too many, and not by the clock: comparing
        # each delivery's age costs more than the memory of a few thousand ids.
        self._accepted: dict[DeliveryId, datetime] = {}

    def has(self, delivery: DeliveryId) -> bool:
        """Return whether a delivery was accepted a short while ago."""
        at = self._accepted.get(delivery)
        return at is not None and self._clock.now() - at < _WINDOW

    def add(self, delivery: DeliveryId) -> None:
        """Remember a delivery, once its event is durable."""
        self._accepted.pop(delivery, None)
        self._accepted[delivery] = self._clock.now()
        if len(self._accepted) > _MOST:
            del self._accepted[next(iter(self._accepted))]
