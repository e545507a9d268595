"""Pages of lists that may be long: cut in the database, never in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

__all__ = ["FIRST_PAGE", "MAX_PAGE", "Page", "PageRequest"]

Item = TypeVar("Item")

MAX_PAGE: Final = 1000
"""The longest page: about 30 ms of an event loop that also answers forges, when
each item is a launcher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which part of a list is wanted."""

    offset: int = 0
    """How many items are left out at its beginning."""
    limit: int = MAX_PAGE
    """How many follow, at most."""


FIRST_PAGE: Final = PageRequest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """A part of a list, in the list's order."""

    items: Sequence[Item]
    total: int
    """How many items the whole list has."""

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
