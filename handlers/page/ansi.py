"""Colours that programs print to terminals, as markup.

https://en.wikipedia.org/wiki/ANSI_escape_code#SGR
"""

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

__all__ = ["is_error", "to_markup", "to_plain"]

_SEQUENCE: Final = re.compile(
    r"\x1b\[([0-9;]*)m|\x1b\[[0-9;?]*[A-Za-ln-z]|[\x00-\x08\x0b-\x1f\x7f]"
)
"""Colours; other movements of a cursor, and control characters, which show nothing."""
_COLOURS: Final = {str(code): f"c{code - 30}" for code in range(31, 38)} | {
    str(code): f"c{code - 90}" for code in range(91, 98)
}
_ERROR: Final = re.compile(
    r"^\s*(?:\[?(?:error|fatal|critical)\b|\w*(?:Error|Exception):|E:)",
    re.IGNORECASE,
)


def is_error(text: str) -> bool:
    """Return whether a line reads like an error: it is marked as one."""
    return _ERROR.match(to_plain(text)) is not None


def to_plain(text: str) -> str:
    """Return a line without its colours."""
    return _SEQUENCE.sub("", text)


def to_markup(text: str) -> Markup:
    """Return a line with its colours as classes; everything else is escaped."""
    return Markup("").join(_runs(text))


def _runs(text: str) -> Iterator[Markup]:
    # From the line alone: a colour that a program left on does not run into the next
    # line, which may be read by itself when a log is resumed.
    classes: list[str] = []
    at = 0
    for found in _SEQUENCE.finditer(text):
        yield _run(text[at : found.start()], classes)
        at = found.end()
        if found[1] is not None:
            classes = _apply(classes, found[1])
    yield _run(text[at:], classes)


def _run(text: str, classes: list[str]) -> Markup:
    if not text or not classes:
        return escape(text)
    return Markup('<span class="{}">{}</span>').format(" ".join(classes), text)


def _apply(classes: list[str], codes: str) -> list[str]:
    for code in (codes or "0").split(";"):
        if code in {"", "0"}:
            classes = []
        elif code == "1":
            classes = [*classes, "strong"]
        elif code in _COLOURS:
            kept = [name for name in classes if not name.startswith("c")]
            classes = [*kept, _COLOURS[code]]
        elif code == "39":
            classes = [name for name in classes if not name.startswith("c")]
    return classes
