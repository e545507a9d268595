"""Long lists are shown by pages, which their URLs number from 1."""

from dataclasses import dataclass
from typing import Final, Self

from aiohttp import web

from service.ports.store import PageRequest

__all__ = ["PER_PAGE", "Paging"]

PER_PAGE: Final = 50
_MOST_PAGES: Final = 1000
_LONGEST_NUMBER: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which page of a list is shown, and how many there are."""

    number: int
    total: int
    """How many items the whole list has."""

    @classmethod
    def of(cls, request: web.Request, *, total: int = 0) -> Self:
        """Return the page that a URL names; the first where it names none."""
        text = request.query.get("page", "1")
        is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
        number = min(max(1, int(text)), _MOST_PAGES) if is_number else 1
        return cls(number=number, total=total)

    @property
    def wanted(self) -> PageRequest:
        """What is read for this page."""
        return PageRequest(offset=(self.number - 1) * PER_PAGE, limit=PER_PAGE)

    @property
    def last(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PER_PAGE))
