"""Cursors: where the next page of a list begins, as a text that clients hand back.

A cursor names the last item of a page by what the list is ordered by. Clients take it
from the header `next-cursor` or from the `Link` to the next page (RFC 8288) and need
not read it. It belongs to the list that gave it out: another one is in another order,
and would begin anywhere, or over and over again.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from aiohttp import web

from service.errors import InvalidRequestError
from service.ports.store import Cursor

__all__ = ["Dated", "last_of", "read_cursor", "write_cursor"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FORM: Final = re.compile(r"(-?[0-9]{1,17}) ([\x21-\x7e]{1,200}) ([0-9a-f]{8})")
"""Microseconds since 1970, an id, and what list it is of."""


class Dated(Protocol):
    """An item of a list in the order of creation."""

    @property
    def id(self) -> str: ...  # noqa: D102 - a name that needs no words
    @property
    def created_at(self) -> datetime: ...  # noqa: D102 - as above


def last_of(items: Sequence[Dated]) -> Cursor | None:
    """Return the position of the last item of a page; None of an empty one."""
    return Cursor(at=items[-1].created_at, id=items[-1].id) if items else None


def write_cursor(request: web.Request, cursor: Cursor) -> str:
    """Write a cursor of the requested list for a URL: letters, digits, `-` and `_`."""
    at = (cursor.at - _EPOCH) // _MICROSECOND
    plain = f"{at} {cursor.id} {_list_of(request)}"
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(request: web.Request, text: str | None) -> Cursor | None:
    """Read what `write_cursor` wrote; None where a request has no cursor.

    Raises:
        InvalidRequestError: Nobody wrote this, or another list did.
    """
    if text is None:
        return None
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        found = _FORM.fullmatch(plain)
        if found is not None and found[3] == _list_of(request):
            at = _EPOCH + int(found[1]) * _MICROSECOND
            return Cursor(at=at, id=found[2])
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(
        f"after: {text[:60]!r} is no cursor of this list; expected the `after` of its "
        "Link header"
    )


def _list_of(request: web.Request) -> str:
    """Name the requested list; ids in its path are read without regard to case."""
    return hashlib.sha256(request.path.upper().encode()).hexdigest()[:8]
