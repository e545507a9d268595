"""Prove by git object ids that an answer is complete and exact.

An API may truncate a long listing or replace a name that is not UTF-8; its answer
does not have the requested id then.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from service.adapters.forge_api.errors import UnprovenAnswerError
from service.adapters.git.object_ids import tree_id
from service.adapters.git.tree import normalize_mode
from service.domain.definition import DIRECTORY, Entry
from service.domain.repository import BlobId

__all__ = ["ListedObject", "TreeListing", "verify_below", "verify_listing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeListing:
    """The entries of one directory."""

    entries: Mapping[str, Entry]
    """By name, without any slash."""
    sizes: Mapping[BlobId, int]
    """Of its files, as far as the forge gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """One entry of a directory, as an API returns it."""

    name: str
    mode: str
    """As stored in the tree; old tools wrote modes that git does not write today."""
    oid: str
    size: int | None = None
    """Of a file, where the forge gives it."""


def verify_listing(rows: Iterable[ListedObject], *, oid: BlobId | None) -> TreeListing:
    """Check that entries are exactly those of a directory.

    Args:
        rows: The entries that an API listed.
        oid: The id of the directory; None where the forge does not give it.

    Raises:
        UnprovenAnswerError: They do not have that id, or are none of git's.
    """
    listed = tuple(rows)
    raw = {
        entry.name: Entry(mode=entry.mode, oid=BlobId(entry.oid)) for entry in listed
    }
    # Names without the mode would not do: the id covers mode, name and id of every
    # entry, so one that is missing shows.
    if oid is not None and _differs_from(raw, oid):
        raise UnprovenAnswerError(
            f"the forge lists {len(listed)} entries for directory {oid[:12]}, which do"
            " not have that id: the listing is truncated, or a name is not exact"
        )
    try:
        entries = {
            name: Entry(mode=normalize_mode(entry.mode), oid=entry.oid)
            for name, entry in raw.items()
        }
    except ValueError as exc:
        raise UnprovenAnswerError("the forge lists a mode that is none") from exc
    return TreeListing(
        entries=entries,
        sizes={
            BlobId(entry.oid): entry.size for entry in listed if entry.size is not None
        },
    )


def verify_below(
    rows: Iterable[ListedObject], *, oid: BlobId
) -> Mapping[BlobId, TreeListing]:
    """Return a directory and those below it, by id, of entries listed with their paths.

    A directory that does not prove to be complete is left out, with all below it.

    Args:
        rows: The entries; their names are paths from the directory.
        oid: The id of the directory.
    """
    by_folder: dict[str, list[ListedObject]] = {"": []}
    ids = {"": oid}
    for row in rows:
        folder, _, name = row.name.rpartition("/")
        by_folder.setdefault(folder, []).append(replace(row, name=name))
        if row.mode == DIRECTORY:
            ids[row.name] = BlobId(row.oid)
            by_folder.setdefault(row.name, [])
    proven = {}
    for folder in sorted(by_folder, key=lambda path: path.count("/") if path else -1):
        above = ids.get(folder.rpartition("/")[0]) if folder else oid
        # Only what hangs on a proven directory has a proven id.
        if folder in ids and (not folder or above in proven):
            with suppress(UnprovenAnswerError):
                proven[ids[folder]] = verify_listing(by_folder[folder], oid=ids[folder])
    return proven


def _differs_from(raw: Mapping[str, Entry], oid: BlobId) -> bool:
    try:
        return tree_id(raw, like=oid) != oid
    except ValueError:
        return True
