"""The cache of objects that never change, within bounds."""

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from cachetools import LRUCache

__all__ = ["ImmutableCache"]

V = TypeVar("V")

PER_ENTRY: Final = 256
"""Bytes that an entry costs beside its content."""


class ImmutableCache(Generic[V]):
    """Caches what never changes under its key, such as an object of git by its id.

    The least recently used go first. One mutable value must not be put here.

    Args:
        most: How many bytes may be held.
        size: Returns how many bytes a value takes.
    """

    def __init__(self, *, most: int, size: Callable[[V], int]) -> None:
        # One huge listing must not push out everything else.
        self._largest = most // 8
        self._size = size
        self._values: LRUCache[Hashable, V] = LRUCache(
            maxsize=most, getsizeof=self._cost
        )

    def get(self, key: Hashable) -> V | None:
        """Return the value; None when it is not here."""
        return self._values.get(key)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def keep(self, key: Hashable, value: V) -> None:
        """Hold a value, unless it alone would take a large part of the room."""
        if key not in self._values and self._cost(value) <= self._largest:
            self._values[key] = value

    def _cost(self, value: V) -> int:
        return self._size(value) + PER_ENTRY

    def __len__(self) -> int:
        return len(self._values)
