"""Strings from a repository, made fit to be shown or compared."""

import posixpath
import re
from typing import Final

__all__ = ["redact", "relative", "show", "storable"]

_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]*@")


def show(text: str, *, limit: int | None = 120) -> str:
    """Write a stranger's text on one line: printable, short, without credentials."""
    raw = storable(text).encode("utf-8", "surrogateescape")
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in raw.decode("utf-8", "backslashreplace")
    )
    shown = redact(shown)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


def storable(text: str) -> str:
    """Return a text that has an encoding.

    Surrogates that stand for the bytes of a path stay; those that a file's escapes
    (`backslash ud800`) made from nothing are written out.
    """
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def redact(text: str) -> str:
    """Take user names and passwords out of the URLs in a text."""
    return _CREDENTIALS.sub("…@", text)


def relative(path: str, directory: str) -> str:
    """Name a path of the repository from one of its directories."""
    if not directory:
        return path or "."
    return posixpath.relpath("/" + path, "/" + directory)
