"""TOML, JSON and YAML documents of untrusted repositories: parsing and access."""

import hashlib
import json
import re
import tomllib
from codecs import BOM_UTF8
from functools import lru_cache
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.formats.numbers import check_numbers
from service.definitions.formats.values import (
    Table,
    canonical,
    list_tables,
    table,
    text,
    texts,
)
from service.definitions.paths import ResolvedPath
from service.definitions.python.misspelt import UNRESOLVED, find_conflict
from service.definitions.queries import Asking
from service.definitions.text import show, show_reason
from service.domain.findings import Severity

__all__ = [
    "Table",
    "canonical",
    "list_tables",
    "peek_toml",
    "read_json",
    "read_toml",
    "refuse_from",
    "remark_syntax",
    "table",
    "text",
    "texts",
]

_POSITION: Final = re.compile(r" \(at line (\d+), column (\d+)\)$")

_ENDLESS_KEY: Final = re.compile(
    r"""(?<![\w-])(?:(?>[\w-]+|"[^"\n]*"|'[^'\n]*')(?>[ \t]*)\.(?>[ \t]*)){99}"""
)
"""A dotted key that the parser would take quadratic time for."""

_LONG_NUMBER: Final = re.compile(r"0[xob][0-9a-fA-F_]{1000}")
"""What may be a number that cannot be written again; few documents have one."""


def read_toml(
    reading: Reading,
    found: ResolvedPath,
    *,
    is_leaf: bool = False,
    is_chosen: bool = False,
    is_of_uv: bool = False,
) -> Asking[Table | None]:
    """Parse a TOML file; None, with a finding, when it is invalid.

    Args:
        reading: The closure.
        found: The file.
        is_leaf: Whether it includes no others.
        is_chosen: Whether it defines the environment, so that no build does without it.
        is_of_uv: Whether uv reads it, which passes over a byte order mark as later
            versions of TOML do; Python's parser and whoever uses it do not.
    """
    raw = yield from reading.read(found, is_leaf=is_leaf)
    if raw is None:
        return None
    try:
        return _toml(raw.removeprefix(BOM_UTF8) if is_of_uv else raw)
    except RecursionError:
        remark_syntax(reading, found.path, "it is nested too deeply")
    except ValueError as exc:
        position = _POSITION.search(str(exc))
        line, column = (
            (int(position[1]), int(position[2])) if position else (None, None)
        )
        # The text of a decoding error names bytes and offsets, which no editor shows.
        why = "it is not UTF-8" if isinstance(exc, UnicodeError) else str(exc)
        if conflict := find_conflict(raw):
            remark_syntax(reading, found.path, UNRESOLVED, conflict)
        else:
            remark_syntax(reading, found.path, _POSITION.sub("", why), line, column)
        if is_chosen and line and column and _CERTAIN.match(why):
            refuse_from(reading, found, raw, line, column)
            return None
    # An invalid file still has a meaning, its bytes: correcting it has to count as a
    # change, or the corrected definition would not be built.
    reading.mean_bytes(found)
    return None


_CERTAIN: Final = re.compile(
    r"Cannot (?:overwrite|declare)|Expected '=' after a key|Expected '\]' at the end"
)
"""Errors in any TOML; version 1.1 allows more in inline tables, times and escapes."""


def refuse_from(
    reading: Reading, found: ResolvedPath, raw: bytes, line: int, column: int
) -> None:
    """Let a file that no installer can parse mean what stands before its first error.

    Args:
        reading: The closure.
        found: The file.
        raw: Its content.
        line: The line of the error, from 1.
        column: Its column, from 1.
    """
    lines = raw.decode("utf-8", "replace").splitlines(keepends=True)
    before = [*lines[: line - 1], *(item[:column] for item in lines[line - 1 : line])]
    digest = hashlib.sha256("".join(before).encode("utf-8", "replace")).hexdigest()
    reading.refuse(reading.relative(found.path), digest)


def _toml(raw: bytes) -> Table:
    document = raw.decode("utf-8")
    # Before the parser, which checks every prefix of a dotted key. The groups are
    # atomic, because the search itself must not backtrack over half a megabyte of dots.
    if _ENDLESS_KEY.search(document):
        raise tomllib.TOMLDecodeError("a dotted key has 100 parts or more")
    parsed = tomllib.loads(document)
    # The check walks the whole document, so it runs only where such a number can be.
    if _LONG_NUMBER.search(document):
        check_numbers(parsed)
    return parsed


# A project is read by several checks, each of which looks into the same few files.
@lru_cache(maxsize=4)
def peek_toml(raw: bytes | None) -> Table | None:
    """Parse TOML without a finding; None when it is invalid."""
    try:
        return _toml(raw) if raw is not None else None
    except (ValueError, RecursionError):
        return None


def read_json(
    reading: Reading, found: ResolvedPath, *, is_leaf: bool = False
) -> Asking[Table | None]:
    """Parse a JSON object; None, with a finding, when it is invalid."""
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
    """Report a syntax error with its position."""
    where = f", line {line}" if line is not None else ""
    where += f", column {column}" if column is not None else ""
    reading.remark(
        Severity.ERROR,
        "syntax_error",
        f"{show(path)}{where}: {show_reason(why)}. The build would fail; correct the"
        " file.",
        path=path,
        line=line,
        column=column,
    )
