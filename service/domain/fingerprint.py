"""Digests that decide whether an environment changed."""

import hashlib
from collections.abc import Iterable
from typing import Final, NewType

__all__ = ["RULES_VERSION", "Fingerprint", "digest"]

Fingerprint = NewType("Fingerprint", str)
"""64 hex digits of SHA-256."""

RULES_VERSION: Final = "4"
"""Part of every digest: a change of the closure's rules changes all digests."""


def digest(lines: Iterable[tuple[str, ...]]) -> Fingerprint:
    """Digest rows of fields, independent of their order.

    Fields are length-prefixed, so different rows never give the same input.
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
