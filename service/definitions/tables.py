"""TOML, JSON and YAML documents: read with care, walked without trust."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Final

from service.definitions.links import Found
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = [
    "Table",
    "canonical",
    "peek_toml",
    "read_json",
    "read_toml",
    "remark_syntax",
    "table",
    "tables",
    "text",
    "texts",
]

Table = Mapping[str, object]

_PLACE: Final = re.compile(r" \(at line (\d+), column (\d+)\)$")

_ENDLESS_KEY: Final = re.compile(
    r"""(?<![\w-])(?:(?>[\w-]+|"[^"\n]*"|'[^'\n]*')(?>[ \t]*)\.(?>[ \t]*)){99}"""
)
"""A dotted key on which the parser would spend quadratic time."""


def table(value: object, *keys: str) -> Table:
    """Go down into nested tables; an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def tables(value: object) -> tuple[Table, ...]:
    """Return the tables of an array, and nothing for anything else."""
    if not isinstance(value, list):
        return ()
    return tuple(it for it in value if isinstance(it, Mapping))


def text(value: object) -> str | None:
    """Return a string, and None for anything else."""
    return value if isinstance(value, str) else None


def texts(value: object) -> tuple[str, ...]:
    """Return a string, or the strings of an array, and nothing for anything else."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return ()
    return tuple(it for it in value if isinstance(it, str))


def canonical(value: object) -> str:
    """Write a parsed value so that equal values, and only they, look alike.

    The order of keys is no part of a value; the order of an array is.

    Raises:
        RecursionError: It is nested without end.
    """
    return json.dumps(value, sort_keys=True, default=_tagged, separators=(",", ":"))


def read_toml(
    reading: Reading, found: Found, *, is_leaf: bool = False
) -> Asking[Table | None]:
    """Parse a TOML file; None, with a finding, when it cannot be understood."""
    raw = yield from reading.read(found, is_leaf=is_leaf)
    if raw is None:
        return None
    try:
        return _toml(raw)
    except RecursionError:
        remark_syntax(reading, found.path, "it is nested too deeply")
    except ValueError as exc:
        place = _PLACE.search(str(exc))
        line, column = (int(place[1]), int(place[2])) if place else (None, None)
        why = "it is not UTF-8" if isinstance(exc, UnicodeError) else str(exc)
        remark_syntax(reading, found.path, _PLACE.sub("", why), line, column)
    reading.mean_bytes(found)
    return None


def _toml(raw: bytes) -> Table:
    document = raw.decode("utf-8")
    if _ENDLESS_KEY.search(document):
        raise tomllib.TOMLDecodeError("a dotted key has 100 parts or more")
    return tomllib.loads(document)


def peek_toml(raw: bytes | None) -> Table | None:
    """Parse TOML without a word about what is wrong with it."""
    try:
        return _toml(raw) if raw is not None else None
    except (ValueError, RecursionError):
        return None


def read_json(
    reading: Reading, found: Found, *, is_leaf: bool = False
) -> Asking[Table | None]:
    """Parse a JSON object; None, with a finding, when it cannot be understood."""
    raw = yield from reading.read(found, is_leaf=is_leaf)
    if raw is None:
        return None
    try:
        document = json.loads(raw)
    except RecursionError:
        remark_syntax(reading, found.path, "it is nested too deeply")
    except json.JSONDecodeError as exc:
        remark_syntax(reading, found.path, exc.msg, exc.lineno, exc.colno)
    except ValueError as exc:
        remark_syntax(reading, found.path, str(exc))
    else:
        if isinstance(document, dict):
            return document
        remark_syntax(reading, found.path, "it is no JSON object")
    reading.mean_bytes(found)
    return None


def remark_syntax(
    reading: Reading,
    path: str,
    why: str,
    line: int | None = None,
    column: int | None = None,
) -> None:
    """Say that a file cannot be read, and where it goes wrong."""
    where = f", line {line}" if line is not None else ""
    where += f", column {column}" if column is not None else ""
    reading.remark(
        Severity.ERROR,
        "syntax_error",
        f"{show(path)}{where}: {show(why)}. The build would fail; correct the file.",
        path=path,
        line=line,
        column=column,
    )


def _tagged(value: object) -> list[str]:
    """Write what JSON has no form for: TOML's and YAML's dates, times, sets, bytes."""
    if isinstance(value, set | frozenset):
        return ["!set", *sorted(canonical(it) for it in value)]
    return [f"!{type(value).__name__}", str(value)]
