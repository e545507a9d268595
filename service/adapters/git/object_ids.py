"""Compute the ids of git objects from their content.

https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from service.domain.definition import DIRECTORY, Entry
from service.domain.repository import BlobId

__all__ = ["blob_id", "hash_blob", "tree_id"]

_HASHES: Final = {40: "sha1", 64: "sha256"}
_SHA1: Final = BlobId("0" * 40)


def blob_id(content: bytes, *, like: BlobId = _SHA1) -> BlobId:
    """Compute the id of a file, with the hash algorithm of another id."""
    return hash_blob([content], size=len(content), like=like)


def hash_blob(chunks: Iterable[bytes], *, size: int, like: BlobId = _SHA1) -> BlobId:
    """Compute the id of a file that is read in parts.

    Args:
        chunks: The content.
        size: The number of bytes in all; the id begins with it.
        like: An id with the same hash algorithm.
    """
    return _hash(b"blob", chunks, size=size, like=like)


def tree_id(entries: Mapping[str, Entry], *, like: BlobId) -> BlobId:
    """Compute the id of a directory, with the hash algorithm of another id.

    Raises:
        ValueError: An entry has a mode or an id that git does not write.
    """
    # With the modes as stored: normalized ones would give another id.
    ordered = sorted(entries.items(), key=_sort_key)
    content = b"".join(_encode_entry(*pair) for pair in ordered)
    return _hash(b"tree", [content], size=len(content), like=like)


def _hash(kind: bytes, chunks: Iterable[bytes], *, size: int, like: BlobId) -> BlobId:
    hashed = hashlib.new(_HASHES.get(len(like), "sha1"), usedforsecurity=False)
    hashed.update(b"%s %d\0" % (kind, size))
    for chunk in chunks:
        hashed.update(chunk)
    return BlobId(hashed.hexdigest())


def _sort_key(named: tuple[str, Entry]) -> bytes:
    """Return git's sort key: a directory sorts as if its name ended with a slash."""
    name, entry = named
    return _encode_name(name) + (b"/" if entry.mode == DIRECTORY else b"")


def _encode_entry(name: str, entry: Entry) -> bytes:
    # Tools print 040000, git stores 40000; with the zero the id would differ.
    mode = entry.mode.lstrip("0").encode("ascii")
    return b"%s %s\0%s" % (mode, _encode_name(name), bytes.fromhex(entry.oid))


def _encode_name(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
