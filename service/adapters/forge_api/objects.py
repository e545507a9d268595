"""Git's ids, worked out from content: proof that an answer is whole and exact.

An API may cut a long listing, or write a name that is no UTF-8 as something else;
what it gives then does not have the id that was asked for.
https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from service.adapters.forge_api.failing import UnprovenAnswerError
from service.adapters.git_tree import canonical
from service.domain.definition import DIRECTORY, Entry
from service.domain.repository import BlobId

__all__ = ["Listed", "Listing", "blob_id", "proved_listing", "tree_id"]

_HASHES: Final = {40: "sha1", 64: "sha256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One directory."""

    entries: Mapping[str, Entry]
    """By name, without any slash."""
    sizes: Mapping[BlobId, int]
    """Of its files, as far as the forge tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry of a directory, as an API gives it."""

    name: str
    mode: str
    """As it was written; old tools wrote others than git does today."""
    oid: str
    size: int | None = None
    """Of a file, where the forge tells."""


def proved_listing(rows: Iterable[Listed], *, oid: BlobId | None) -> Listing:
    """Make a directory of what an API listed.

    Args:
        rows: What it listed.
        oid: The id that the directory has; None where the forge does not tell it.

    Raises:
        UnprovenAnswerError: This is not the directory of that id.
    """
    given = tuple(rows)
    raw = {it.name: Entry(mode=it.mode, oid=BlobId(it.oid)) for it in given}
    if oid is not None and _is_other(raw, oid):
        raise UnprovenAnswerError(
            f"the forge lists {len(given)} entries for directory {oid[:12]}, which are"
            " not its entries: the listing is cut, or a name is not written as it is"
        )
    return Listing(
        entries={
            name: Entry(mode=canonical(it.mode), oid=it.oid) for name, it in raw.items()
        },
        sizes={BlobId(it.oid): it.size for it in given if it.size is not None},
    )


def _is_other(raw: Mapping[str, Entry], oid: BlobId) -> bool:
    try:
        return tree_id(raw, like=oid) != oid
    except ValueError:
        return True


def blob_id(content: bytes, *, like: BlobId) -> BlobId:
    """Return the id of a file's content, by the hash of another id."""
    return _id(b"blob", content, like)


def tree_id(entries: Mapping[str, Entry], *, like: BlobId) -> BlobId:
    """Return the id of a directory, by the hash of another id.

    Raises:
        ValueError: An entry has a mode or an id that git does not write.
    """
    ordered = sorted(entries.items(), key=_place)
    return _id(b"tree", b"".join(_raw(*it) for it in ordered), like)


def _id(kind: bytes, content: bytes, like: BlobId) -> BlobId:
    hashed = hashlib.new(_HASHES.get(len(like), "sha1"), usedforsecurity=False)
    hashed.update(b"%s %d\0" % (kind, len(content)))
    hashed.update(content)
    return BlobId(hashed.hexdigest())


def _place(named: tuple[str, Entry]) -> bytes:
    """Sort as git does: a directory as if its name ended with a slash."""
    name, entry = named
    return _bytes(name) + (b"/" if entry.mode == DIRECTORY else b"")


def _raw(name: str, entry: Entry) -> bytes:
    mode = entry.mode.lstrip("0").encode("ascii")
    return b"%s %s\0%s" % (mode, _bytes(name), bytes.fromhex(entry.oid))


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
