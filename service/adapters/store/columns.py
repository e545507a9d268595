"""Column types that mean the same in SQLite and in PostgreSQL."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["PLACE", "Instant", "Json", "JsonValue", "Words", "escape", "unescape"]

JsonValue = str | int | float | bool | list["JsonValue"] | dict[str, "JsonValue"] | None

_Impl = TypeEngine[Any] | type[TypeEngine[Any]]

PLACE: Final = BigInteger().with_variant(Integer, "sqlite")
"""Rows in the order of their insertion; only an INTEGER key counts up in SQLite."""

# With a locale's collation PostgreSQL would sort ids and paths differently from SQLite
# and from Python, and pages by `id > after` would skip rows.
_BINARY_ORDER: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Sorts by code point, as SQLite does, whatever the locale of the database."""

_UNSTORABLE: Final = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPED: Final = re.compile(r"\\([0-9a-f]{4})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def escape(text: str) -> str:
    r"""Write a text so that any database takes it: surrogates and NUL as `\dc80`."""
    # The backslash is escaped as well, or a text that looks like an escape would be
    # read back as something else.
    return _UNSTORABLE.sub(lambda found: f"\\{ord(found[0]):04x}", text)


def unescape(text: str) -> str:
    """Read what `escape` wrote."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


class Words(TypeDecorator[str]):
    """Any text whatever: paths and refs that are not UTF-8 too (surrogates)."""

    impl: _Impl = _BINARY_ORDER
    cache_ok: bool | None = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else escape(value)

    # Not `process_result_value`, which another function calls for each value: a page
    # has two thousand. Drivers give text as it is, so that nothing is left out.
    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[str | None], str | None]:
        """Return what reads a value."""
        del dialect, coltype
        return _read


def _read(value: str | None) -> str | None:
    return value if value is None or "\\" not in value else unescape(value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime in UTC, as microseconds since 1970: sorts everywhere."""

    impl: _Impl = BigInteger
    cache_ok: bool | None = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> int | None:
        del dialect
        # Integer arithmetic: `timestamp()` is a float and loses microseconds, and
        # claims are compared for equality.
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(
        self, value: int | None, dialect: Dialect
    ) -> datetime | None:
        del dialect
        return None if value is None else _EPOCH + value * _MICROSECOND


class Json(TypeDecorator[JsonValue]):
    """JSON in ASCII: paths that are not UTF-8 keep their bytes; None is NULL."""

    impl: _Impl = Text
    cache_ok: bool | None = True

    def process_bind_param(self, value: JsonValue, dialect: Dialect) -> str | None:
        del dialect
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> JsonValue:
        del dialect
        return None if value is None else json.loads(value)
