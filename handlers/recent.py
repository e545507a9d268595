"""Deliveries that were accepted a short while ago."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from service.domain.delivery import DeliveryId
from service.ports.time import Clock

__all__ = ["Recent"]

_WINDOW: Final = timedelta(minutes=10)
"""Short on purpose: a person who presses Redeliver an hour later wants a look."""
_MOST: Final = 10_000


class Recent:
    """Remember accepted deliveries, to spare work; nothing depends on it."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._accepted: OrderedDict[DeliveryId, datetime] = OrderedDict()

    def has(self, delivery: DeliveryId) -> bool:
        """Say whether a delivery was accepted a short while ago."""
        at = self._accepted.get(delivery)
        return at is not None and self._clock.now() - at < _WINDOW

    def add(self, delivery: DeliveryId) -> None:
        """Remember a delivery, once its event is durable."""
        self._accepted[delivery] = self._clock.now()
        self._accepted.move_to_end(delivery)
        if len(self._accepted) > _MOST:
            self._accepted.popitem(last=False)
