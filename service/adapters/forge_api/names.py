"""Names of refs, as git allows them."""

import re
from typing import Final
from urllib.parse import quote

from service.domain.repository import Ref

__all__ = ["is_ref", "quoted"]

MAX_REF: Final = 1024
"""Bytes; file systems that forges keep refs on take no longer name."""

_FORBIDDEN: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|\.$|/$"
)


def is_ref(ref: Ref) -> bool:
    """Say whether a ref can exist: https://git-scm.com/docs/git-check-ref-format."""
    try:
        raw = ref.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return len(raw) <= MAX_REF and not _FORBIDDEN.search(ref)


def quoted(text: str, *, safe: str = "") -> str:
    """Write a name into a URL, byte by byte."""
    return quote(text.encode("utf-8", "surrogateescape"), safe=safe)
