"""Split a stream of bytes into lines of bounded length.

Without a bound, a line that never ends would fill the memory. A longer line is
truncated with a mark, and the rest of it is skipped.
"""

import re
from typing import Final

__all__ = ["CUT", "LineCutter", "printable"]

CUT: Final = " … (the line was longer and is cut)"
_ESCAPE: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.?)"
)
"""https://www.ecma-international.org/publications-and-standards/standards/ecma-48/"""
_UNPRINTABLE: Final = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if code != ord("\t")
}


class LineCutter:
    """Split chunks into lines of at most so many bytes.

    Args:
        most: Bytes of a line that are kept.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._begun = bytearray()
        self._is_over = False
        """Whether the current line is too long."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that a chunk completes."""
        *whole, rest = chunk.split(b"\n")
        lines = []
        for part in whole:
            self._append(part)
            lines.append(self._end())
        self._append(rest)
        return lines

    def finish(self) -> list[bytes]:
        """Return the last line, if it has no line break."""
        return [self._end()] if self._begun else []

    def _append(self, part: bytes) -> None:
        room = self._most - len(self._begun)
        # What is beyond the limit is never stored: memory stays bounded for a line that
        # has no end.
        self._begun += part[:room]
        self._is_over = self._is_over or len(part) > room

    def _end(self) -> bytes:
        line = bytes(self._begun) + (CUT.encode() if self._is_over else b"")
        self._begun.clear()
        self._is_over = False
        return line


def printable(line: bytes) -> str:
    """Decode a line of a tool, without colours and control characters.

    Of a line that was overwritten (a progress bar), the last text remains.
    """
    text = line.decode("utf-8", "replace").rstrip("\r")
    text = _ESCAPE.sub("", text.rpartition("\r")[2])
    return text.translate(_UNPRINTABLE).rstrip()
