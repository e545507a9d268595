"""Cursors: where the next page of a list begins, as a text that clients hand back.

A cursor names the last item of a page by what the list is ordered by. Clients take it
from the header `next-cursor` or from the `Link` to the next page (RFC 8288) and need
not read it.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from service.errors import InvalidRequestError
from service.ports.store import Cursor

__all__ = ["Dated", "last_of", "read_cursor", "write_cursor"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FORM: Final = re.compile(r"(-?[0-9]{1,17}) ([\x21-\x7e]{1,200})")
"""Microseconds since 1970, and an id."""


class Dated(Protocol):
    """An item of a list in the order of creation."""

    @property
    def id(self) -> str: ...  # noqa: D102 - a name that needs no words
    @property
    def created_at(self) -> datetime: ...  # noqa: D102 - as above


def last_of(items: Sequence[Dated]) -> Cursor | None:
    """Return the position of the last item of a page; None of an empty one."""
    return Cursor(at=items[-1].created_at, id=items[-1].id) if items else None


def write_cursor(cursor: Cursor) -> str:
    """Write a cursor for a URL: letters, digits, `-` and `_`."""
    plain = f"{(cursor.at - _EPOCH) // _MICROSECOND} {cursor.id}"
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> Cursor | None:
    """Read what `write_cursor` wrote; None where a request has no cursor.

    Raises:
        InvalidRequestError: Nobody wrote this.
    """
    if text is None:
        return None
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        found = _FORM.fullmatch(plain)
        if found is not None:
            at = _EPOCH + int(found[1]) * _MICROSECOND
            return Cursor(at=at, id=found[2])
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(
        f"after: {text[:60]!r} is no cursor; expected the `after` of a Link header"
    )
