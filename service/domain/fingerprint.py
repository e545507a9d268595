"""Digests that decide whether an environment changed."""

import hashlib
from collections.abc import Iterable
from typing import Final, NewType

__all__ = ["RULES_VERSION", "Fingerprint", "digest"]

Fingerprint = NewType("Fingerprint", str)
"""64 hex digits of SHA-256."""

RULES_VERSION: Final = "2"
"""Part of every digest: when the rules of the closure change, so do all digests."""


def digest(lines: Iterable[tuple[str, ...]]) -> Fingerprint:
    """Digest rows of fields, whatever order they come in.

    Fields are length-prefixed, so no two different sets of rows look alike.
    Paths that are not UTF-8 keep their bytes (surrogateescape).
    """
    rows = sorted(
        b"".join(
            len(raw).to_bytes(8) + raw
            for raw in (field.encode("utf-8", "surrogateescape") for field in row)
        )
        for row in lines
    )
    hasher = hashlib.sha256(RULES_VERSION.encode())
    for row in rows:
        hasher.update(len(row).to_bytes(8) + row)
    return Fingerprint(hasher.hexdigest())
