"""The lines of keys in a TOML document, which `tomllib` does not report."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Final

__all__ = ["Keys", "TomlLines"]

_KEY: Final = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_KEYS: Final = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER: Final = re.compile(rf"[ \t]*\[(?P<twice>\[)?[ \t]*(?P<keys>{_KEYS})[ \t]*\]")
_ASSIGNED: Final = re.compile(rf"[ \t]*(?P<keys>{_KEYS})[ \t]*=")
_LONG_STRING: Final = re.compile(r"\"\"\"|'''")

Keys = tuple[str, ...]
"""The path of a key from the root of a document."""


class TomlLines:
    """The lines of the keys of a valid TOML document.

    Keys inside an inline table have the line of the table.
    """

    def __init__(self, raw: bytes) -> None:
        self._lines = raw.decode("utf-8-sig", "replace").splitlines()
        self._line_by_key: dict[Keys, int] = {}
        for keys, line in self._read():
            for end in range(1, len(keys) + 1):
                self._line_by_key.setdefault(keys[:end], line)

    def line_of(self, *keys: str, word: str = "") -> int | None:
        """Return the line of a key, or of the nearest table around it.

        Args:
            keys: From the root of the document.
            word: The line of this text is returned instead, if it is between the key
                and the next one: an entry of an array, for example.
        """
        for end in range(len(keys), 0, -1):
            line = self._line_by_key.get(keys[:end])
            if line is not None:
                return self._line_of_word(line, word) if word else line
        return None

    def _line_of_word(self, line: int, word: str) -> int:
        ends = [start for start in self._line_by_key.values() if start > line]
        end = min(ends, default=len(self._lines) + 1)
        for number in range(line, end):
            if word in self._lines[number - 1]:
                return number
        return line

    def _read(self) -> Iterator[tuple[Keys, int]]:
        """Yield every key that begins a line, with its line number."""
        header: Keys = ()
        counts: dict[Keys, int] = {}
        is_inside = False
        for number, line in enumerate(self._lines, start=1):
            quotes = len(_LONG_STRING.findall(line))
            if is_inside:
                is_inside = quotes % 2 == 0
                continue
            is_inside = quotes % 2 == 1
            if match := _HEADER.match(line):
                header = _parse_key(match["keys"])
                header = _place(header, counts, is_new=match["twice"] is not None)
                yield header, number
            elif match := _ASSIGNED.match(line):
                yield (*header, *_parse_key(match["keys"])), number


def _place(header: Keys, counts: dict[Keys, int], *, is_new: bool) -> Keys:
    """Return the keys of a header with the indexes of the arrays that it is in.

    A table below an array of tables is in the last one so far; `is_new` begins one.
    """
    placed: Keys = ()
    for position, part in enumerate(header, start=1):
        placed = (*placed, part)
        is_last = position == len(header)
        if is_new and is_last:
            counts[placed] = counts.get(placed, 0) + 1
        if placed in counts and not (is_last and not is_new):
            placed = (*placed, str(counts[placed] - 1))
    return placed


def _parse_key(keys: str) -> Keys:
    """Parse a dotted key with `tomllib`."""
    try:
        value: object = tomllib.loads(f"{keys} = 0")
    except ValueError:
        return ()
    parts = []
    while isinstance(value, Mapping):
        key, value = next(iter(value.items()))
        parts.append(key)
    return tuple(parts)
