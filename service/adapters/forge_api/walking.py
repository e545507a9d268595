"""The files of one commit, directory by directory, out of a forge's API.

A directory is asked for by its id, once: an id stands for the same for ever. And what
comes has to have that id, so nothing that is cut or inexact is ever believed.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, Protocol

from service.adapters.forge_api.failing import UnprovenAnswerError
from service.adapters.forge_api.keeping import Immutables
from service.adapters.forge_api.objects import Listing, blob_id, tree_id
from service.adapters.git_tree import NOTHING, is_tree_path
from service.domain.definition import DIRECTORY, SYMLINK, Entry
from service.domain.repository import BlobId, CommitSha

__all__ = ["ApiTree", "Kept", "Shelf", "root_of", "size_of"]

PER_NAME: Final = 160
"""Bytes that one entry of a listing takes in memory."""

Kept = Listing | bytes


def size_of(thing: Kept) -> int:
    """Return about how many bytes a listing or a file takes."""
    if isinstance(thing, bytes):
        return len(thing)
    return sum(len(name) + PER_NAME for name in thing.entries)


async def root_of(
    commit: CommitSha,
    *,
    owner: tuple[str, int],
    kept: Immutables[Kept],
    ask: Callable[[], Awaitable[BlobId]],
) -> BlobId:
    """Return the id of a commit's root directory, asked for once."""
    key = (owner, "root", commit)
    known = kept.get(key)
    if isinstance(known, bytes):
        return BlobId(known.decode("ascii"))
    root = await ask()
    kept.keep(key, root.encode("ascii"))
    return root


class Shelf(Protocol):
    """One commit's objects, as a forge hands them out."""

    async def listing(self, path: str, oid: BlobId) -> Listing:
        """Return a directory, which has this id and is at this path.

        Raises:
            UnprovenAnswerError: What came is not it.
            RemoteRefusedError: It is not there.
            TransientError: The forge did not answer.
        """
        ...

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        """Return a file's content; None when it has more than `limit` bytes.

        Raises:
            RemoteRefusedError: It is not there.
            TransientError: The forge did not answer.
        """
        ...


class ApiTree:
    """Implements the port `Tree`.

    Args:
        shelf: Where the commit's objects are.
        root: The id of its root directory.
        kept: What is remembered, for every repository together.
        owner: Whose objects they are: ids of one repository open none of another's.
    """

    def __init__(
        self,
        *,
        shelf: Shelf,
        root: BlobId,
        kept: Immutables[Kept],
        owner: tuple[str, int],
    ) -> None:
        self._shelf = shelf
        self._root = Entry(mode=DIRECTORY, oid=root)
        self._kept = kept
        self._owner = owner
        self._sizes: dict[BlobId, int] = {}

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        return {path: await self._entry(path) for path in frozenset(paths)}

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        top = await self._entry(path)
        if top.mode != DIRECTORY:
            return None
        found: dict[str, Entry] = {}
        waiting = deque([(path, top.oid)])
        asked = 0
        while waiting:
            asked += 1
            if asked + len(waiting) - 1 > limit:
                return None
            here, oid = waiting.popleft()
            for name, entry in (await self._listing(here, oid)).entries.items():
                below = f"{here}/{name}" if here else name
                if here == path or entry.mode == SYMLINK:
                    found[below] = entry
                if entry.mode == DIRECTORY:
                    waiting.append((below, entry.oid))
        return found

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        if self._sizes.get(oid, 0) > limit:
            return None
        key = (self._owner, oid)
        content = self._kept.get(key)
        if content is None:
            content = await self._shelf.blob(oid, limit=limit)
            if content is None:
                return None
            if blob_id(content, like=oid) != oid:
                raise UnprovenAnswerError(
                    f"the forge gives another file for {oid[:12]}"
                )
            self._kept.keep(key, content)
        assert isinstance(content, bytes)
        return content if len(content) <= limit else None

    async def _entry(self, path: str) -> Entry:
        if path == "":
            return self._root
        if not is_tree_path(path):
            return NOTHING
        here, walked = self._root, ""
        for name in path.split("/"):
            if here.mode != DIRECTORY:
                return NOTHING
            listing = await self._listing(walked, here.oid)
            here = listing.entries.get(name, NOTHING)
            walked = f"{walked}/{name}" if walked else name
        return here

    async def _listing(self, path: str, oid: BlobId) -> Listing:
        key = (self._owner, oid)
        listing = self._kept.get(key)
        if listing is None and oid == tree_id({}, like=oid):
            listing = Listing(entries={}, sizes={})  # forges do not store it
        if listing is None:
            listing = await self._shelf.listing(path, oid)
            self._kept.keep(key, listing)
        assert isinstance(listing, Listing)
        self._sizes.update(listing.sizes)
        return listing
