"""Read the files of one commit, directory by directory, from a forge's API.

A directory is requested by its id, and cached: content never changes under an id.
The id of every answer is computed again, so a truncated or inexact one is never used.
"""

from collections import deque
from collections.abc import (
    Awaitable,
    Callable,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
)
from typing import Final, Protocol

from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.errors import UnprovenAnswerError
from service.adapters.forge_api.listings import TreeListing
from service.adapters.git.object_ids import blob_id, tree_id
from service.adapters.git.tree import NOTHING, is_tree_path
from service.domain.definition import DIRECTORY, SYMLINK, Entry
from service.domain.repository import BlobId, CommitSha

__all__ = [
    "LARGE",
    "ApiTree",
    "Kept",
    "ObjectSource",
    "large_key",
    "load_root",
    "object_cache",
    "root_key",
    "size_of",
]

MEGABYTE: Final = 1024 * 1024

PER_NAME: Final = 160
"""Bytes of memory for one entry of a listing, without its name."""

FEW: Final = 2
"""Directories of one level from which on a single request for all levels is cheaper."""

LARGE: Final = 100
"""Directories, as many as one answer of an API lists."""

Kept = TreeListing | bytes


def size_of(content: Kept) -> int:
    """Estimate the bytes of memory that a listing or a file takes."""
    if isinstance(content, bytes):
        return len(content)
    return sum(len(name) + PER_NAME for name in content.entries)


def object_cache(megabytes: int) -> ImmutableCache[Kept]:
    """Make a cache of objects, for all repositories together."""
    return ImmutableCache(most=megabytes * MEGABYTE, size=size_of)


def large_key(owner: Hashable, oid: BlobId) -> Hashable:
    """Return the key under which is kept that a directory holds over `LARGE` others."""
    return owner, "large", oid


def root_key(owner: Hashable, commit: CommitSha) -> Hashable:
    """Return the key in the cache under which a commit has the id of its root."""
    return owner, "root", commit


async def load_root(
    commit: CommitSha,
    *,
    owner: Hashable,
    kept: ImmutableCache[Kept],
    ask: Callable[[], Awaitable[BlobId]],
) -> BlobId:
    """Return the id of a commit's root directory; it is requested once."""
    key = root_key(owner, commit)
    known = kept.get(key)
    if isinstance(known, bytes):
        return BlobId(known.decode("ascii"))
    root = await ask()
    kept.keep(key, root.encode("ascii"))
    return root


class ObjectSource(Protocol):
    """The objects of one commit at a forge."""

    async def listing(self, path: str, oid: BlobId) -> TreeListing:
        """Return the directory with this id, which is at this path.

        Raises:
            UnprovenAnswerError: The answer does not have this id.
            RemoteRefusedError: It does not exist.
            TransientError: The forge did not answer.
        """
        ...

    async def listings(
        self, wanted: Mapping[str, BlobId]
    ) -> Mapping[BlobId, TreeListing]:
        """Return directories by id, as far as one request does; none without such one.

        Args:
            wanted: Their ids by path.

        Raises:
            TransientError: The forge did not answer.
        """
        ...

    async def below(self, path: str, oid: BlobId) -> Mapping[BlobId, TreeListing]:
        """Return a directory and those below it, by id, as far as one request does.

        Empty where there is no such request, or where it does not suffice.

        Raises:
            RemoteRefusedError: It does not exist.
            TransientError: The forge did not answer.
        """
        ...

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        """Return a file's content; None when it has more than `limit` bytes.

        Raises:
            RemoteRefusedError: It does not exist.
            TransientError: The forge did not answer.
        """
        ...


class ApiTree:
    """Implement the port `Tree` with a forge's API.

    One for each evaluation that reads files; what it reads stays in the cache, which
    all trees share.

    Args:
        objects: The objects of the commit.
        root: The id of its root directory.
        kept: The cache, shared by all repositories.
        owner: The repository, as part of every cache key: whoever knows an id of a
            private repository cannot read it through another one.
    """

    def __init__(
        self,
        *,
        objects: ObjectSource,
        root: BlobId,
        kept: ImmutableCache[Kept],
        owner: Hashable,
    ) -> None:
        self._objects = objects
        self._root = Entry(mode=DIRECTORY, oid=root)
        self._kept = kept
        self._owner = owner
        self._sizes: dict[BlobId, int] = {}
        self._has_below = self._has_several = True
        """Whether all below a directory, or any several, may come with one request."""

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        return {path: await self._entry(path) for path in frozenset(paths)}

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        top = await self._entry(path)
        if top.mode != DIRECTORY or self._is_known_large(top.oid, limit):
            return None
        entries: dict[str, Entry] = {}
        queue = deque([(path, top.oid)])
        visited = 0
        # The port limits the directories, each of which is a request here: those that
        # are only queued count, so the limit is noticed before they are requested.
        while queue:
            visited += 1
            if visited + len(queue) - 1 > limit:
                return None
            await self._fetch_several(queue)
            folder, oid = queue.popleft()
            listing = await self._listing(folder, oid)
            for name, entry in listing.entries.items():
                below = f"{folder}/{name}" if folder else name
                if folder == path or entry.mode == SYMLINK:
                    entries[below] = entry
                if entry.mode == DIRECTORY:
                    queue.append((below, entry.oid))
            if visited + len(queue) <= limit:
                await self._fetch_below(folder, oid, listing)
        return entries

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        # A listing may give no sizes, and each look would fetch it in vain.
        is_over = (self._owner, "over", limit, oid)
        if self._sizes.get(oid, 0) > limit or is_over in self._kept:
            return None
        # The owner is part of the key although ids are global: a repository that is
        # readable for us must not answer for one that is not.
        key = (self._owner, oid)
        content = self._kept.get(key)
        if content is None:
            content = await self._objects.blob(oid, limit=limit)
            if content is None:
                self._kept.keep(is_over, b"")
                return None
            # Before it is cached: what is wrong once would be wrong for ever under an
            # id that never changes.
            if blob_id(content, like=oid) != oid:
                raise UnprovenAnswerError(
                    f"the forge returned another file for {oid[:12]}"
                )
            self._kept.keep(key, content)
        assert isinstance(content, bytes)
        return content if len(content) <= limit else None

    def _is_known_large(self, oid: BlobId, limit: int) -> bool:
        """Return whether the listings at hand show too many directories.

        Without a request: asking for what is below some of them would be in vain.
        """
        if limit <= LARGE and large_key(self._owner, oid) in self._kept:
            return True
        queue, seen = deque([oid]), 1
        while queue:
            listing = self._kept.get((self._owner, queue.popleft()))
            if not isinstance(listing, TreeListing):
                continue
            below = [
                entry.oid
                for entry in listing.entries.values()
                if entry.mode == DIRECTORY
            ]
            seen += len(below)
            if seen > limit:
                return True
            queue.extend(below)
        return False

    async def _fetch_several(self, waiting: Sequence[tuple[str, BlobId]]) -> None:
        """Fetch the first of some directories with others, if it is not at hand."""
        missing = {
            path: oid for path, oid in waiting if (self._owner, oid) not in self._kept
        }
        is_first = waiting[0][0] in missing
        if not is_first or len(missing) < FEW or not self._has_several:
            return
        found = await self._objects.listings(missing)
        for oid, content in found.items():
            self._kept.keep((self._owner, oid), content)
        self._has_several = bool(found)

    async def _fetch_below(self, path: str, oid: BlobId, listing: TreeListing) -> None:
        """Fetch what is below a directory, if that saves requests."""
        missing = {
            entry.oid
            for entry in listing.entries.values()
            if entry.mode == DIRECTORY and (self._owner, entry.oid) not in self._kept
        }
        if len(missing) < FEW or not self._has_below:
            return
        found = await self._objects.below(path, oid)
        for below, content in found.items():
            self._kept.keep((self._owner, below), content)
        self._has_below = bool(found)

    async def _entry(self, path: str) -> Entry:
        if path == "":
            return self._root
        if not is_tree_path(path):
            return NOTHING
        # Level by level from the root, each by its id: an absent directory is proved by
        # its parent's listing, and no path is ever sent to the forge.
        entry, walked = self._root, ""
        for name in path.split("/"):
            if entry.mode != DIRECTORY:
                return NOTHING
            listing = await self._listing(walked, entry.oid)
            entry = listing.entries.get(name, NOTHING)
            walked = f"{walked}/{name}" if walked else name
        return entry

    async def _listing(self, path: str, oid: BlobId) -> TreeListing:
        key = (self._owner, oid)
        listing = self._kept.get(key)
        if listing is None and oid == tree_id({}, like=oid):
            # Forges answer 404 for the empty tree, which no repository stores.
            listing = TreeListing(entries={}, sizes={})
        if listing is None:
            listing = await self._objects.listing(path, oid)
            self._kept.keep(key, listing)
        assert isinstance(listing, TreeListing)
        # Also for a listing from the cache: sizes belong to this tree and spare the
        # request for a file that is too large.
        self._sizes.update(listing.sizes)
        return listing
