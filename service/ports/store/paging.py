"""Pages of long lists: the database limits them, not the application."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

__all__ = ["FIRST_PAGE", "MAX_PAGE", "Cursor", "Page", "PageRequest"]

Item = TypeVar("Item")

MAX_PAGE: Final = 1000
"""The longest page. A page of launchers of this length takes about 30 ms of the event
loop, which also answers forges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The position of an item in a list that is ordered by time, then by id.

    The item need not exist any longer. A page behind a cursor costs the same wherever
    it is, and neither repeats nor misses an item when others are added or removed.
    """

    at: datetime
    """The time that the list is ordered by."""
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """The requested part of a list."""

    offset: int = 0
    """How many items to skip; without meaning when there is a cursor."""
    after: Cursor | None = None
    """The last item of the page before: only those behind it are returned."""
    limit: int = MAX_PAGE
    """How many items to return at most."""


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
