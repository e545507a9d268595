"""Untrusted strings of a repository, escaped for messages and digests."""

import posixpath
import re
from typing import Final

from packaging.utils import canonicalize_name

from service.redaction import redact_urls

__all__ = ["distribution_names", "relative", "show", "show_reason", "storable"]

_LONG_REASON: Final = 400
"""Characters of a sentence that quotes some text, and names what to write instead."""


def show(text: str, *, limit: int | None = 120) -> str:
    """Escape an untrusted text to one line: printable, short, without credentials."""
    raw = storable(text).encode("utf-8", "surrogateescape")
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in raw.decode("utf-8", "backslashreplace")
    )
    shown = redact_urls(shown)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


def show_reason(why: str) -> str:
    """Escape a sentence of ours that quotes untrusted text, as `show` does."""
    return show(why, limit=_LONG_REASON)


def storable(text: str) -> str:
    """Return a text that can be encoded.

    Surrogates that represent bytes of a path stay; lone surrogates from escapes in a
    file (`backslash ud800`) are escaped again.
    """
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def relative(path: str, directory: str) -> str:
    """Return a path of the repository relative to one of its directories."""
    if not directory:
        return path or "."
    return posixpath.relpath("/" + path, "/" + directory)


_DISTRIBUTION: Final = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,98}[A-Za-z0-9])?", re.ASCII)
"""https://packaging.python.org/en/latest/specifications/name-normalization/"""


def distribution_names(text: str) -> frozenset[str]:
    """Return the canonical name of a distribution; nothing where it is no valid name.

    A name from a malformed line can be any text. What is no valid name cannot be
    installed, so nothing is lost without it.
    """
    is_name = _DISTRIBUTION.fullmatch(text) is not None
    return frozenset({canonicalize_name(text)} if is_name else ())
