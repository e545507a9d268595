"""The objects of one commit, fetched when they are first needed."""

import asyncio
import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Final

from cachetools import LRUCache

from service.adapters.forge_api.api_tree import Kept
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.listings import TreeListing
from service.adapters.git.tree import is_tree_path
from service.adapters.smart_http.client import SmartHttpClient
from service.adapters.smart_http.errors import UnsuitableError
from service.adapters.smart_http.packs import PackedObject, unpack_listing
from service.domain.definition import DIRECTORY, EXECUTABLE, FILE, SYMLINK, Entry
from service.domain.repository import BlobId, CommitSha
from service.ports.remote import ExpectedReads

__all__ = ["CommitObjects"]

MAX_TOGETHER: Final = 4 * 1024 * 1024
"""Bytes of the expected files that are fetched with the first that is read."""
MOST_TOGETHER: Final = 64
MAX_LISTED: Final = 1024 * 1024
"""Bytes of one directory, of some 30,000 entries. They are parsed on the event loop in
20 ms; git reads larger ones in a process of its own, one path at a time."""
MOST_PARSED: Final = 8
"""Directories whose entries are held while their commit is read."""
_ROOT: Final = re.compile(rb"tree ([0-9a-f]{40})\n")
_READABLE: Final = frozenset({FILE, EXECUTABLE, SYMLINK})


class CommitObjects:
    """Implement the port `ObjectSource` for one commit.

    One for each tree that is opened; the directories that it fetched are held as long.

    Args:
        client: Fetches the objects.
        url: The repository.
        commit: The commit.
        expected: The files that will probably be read.
        kept: The cache of what was read, shared by all repositories.
        owner: The repository, as part of every key in it.
    """

    def __init__(
        self,
        *,
        client: SmartHttpClient,
        url: str,
        commit: CommitSha,
        expected: ExpectedReads,
        kept: ImmutableCache[Kept],
        owner: Hashable,
    ) -> None:
        self._client = client
        self._url = url
        self._commit = commit
        self._expected = expected.files
        self._kept = kept
        self._owner = owner
        self._trees: Mapping[BlobId, PackedObject] | None = None
        self._turn = asyncio.Lock()
        self._root: BlobId | None = None
        self._listings: LRUCache[BlobId, TreeListing] = LRUCache(maxsize=MOST_PARSED)

    async def root(self) -> BlobId:
        """Fetch the commit and return the id of its root directory.

        Raises:
            RemoteRefusedError: The repository or the commit does not exist.
            UnsuitableError: It is not a commit, or cannot be read here.
            TransientError: The server did not answer.
        """
        commit = (await self._fetched()).get(BlobId(self._commit))
        match = _ROOT.match(commit.content) if commit else None
        if commit is None or commit.kind != "commit" or match is None:
            raise UnsuitableError(f"{self._url} gives no commit {self._commit}")
        return BlobId(match[1].decode("ascii"))

    def begin_at(self, root: BlobId) -> None:
        """Set the root directory, from which expected files are found."""
        self._root = root

    async def listing(self, path: str, oid: BlobId) -> TreeListing:
        del path  # ids suffice
        tree = (await self._fetched()).get(oid)
        if tree is None or tree.kind != "tree":
            raise UnsuitableError(f"{self._url} leaves directory {oid[:12]} out")
        if len(tree.content) > MAX_LISTED:
            raise UnsuitableError(f"{self._url} has a huge directory {oid[:12]}")
        return self._parse(oid, tree)

    async def listings(
        self, wanted: Mapping[str, BlobId]
    ) -> Mapping[BlobId, TreeListing]:
        del wanted
        return {}

    async def below(self, path: str, oid: BlobId) -> Mapping[BlobId, TreeListing]:
        del path, oid
        return {}  # every directory comes with the commit

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        together = {oid, *self._missing()}
        # Once: what was expected and is not there then is larger than all may be.
        self._expected = ()
        if len(together) > 1:
            found = await self._client.fetch_blobs(
                self._url, together, limit=MAX_TOGETHER
            )
            if found is not None:
                for name in together - {oid}:
                    self._kept.keep((self._owner, name), _content(found, name))
                content = _content(found, oid)
                return content if len(content) <= limit else None
        found = await self._client.fetch_blobs(self._url, [oid], limit=limit)
        return None if found is None else _content(found, oid)

    async def _fetched(self) -> Mapping[BlobId, PackedObject]:
        async with self._turn:
            if self._trees is None:
                self._trees = await self._client.fetch_trees(self._url, self._commit)
            return self._trees

    def _missing(self) -> list[BlobId]:
        """Return the ids of expected files that are not in the cache."""
        found = (self._find(path) for path in self._expected if is_tree_path(path))
        missing = [
            entry.oid
            for entry in found
            if entry is not None
            and entry.mode in _READABLE
            and (self._owner, entry.oid) not in self._kept
        ]
        return missing[:MOST_TOGETHER]

    def _find(self, path: str) -> Entry | None:
        """Return the entry at a path, as far as directories are at hand."""
        entry: Entry | None = None
        for listing, name in self._steps(path):
            entry = listing.entries.get(name) if listing else None
        return entry

    def _steps(self, path: str) -> Iterator[tuple[TreeListing | None, str]]:
        """Yield each directory on the way to a path, with the next name."""
        oid = self._root
        for name in path.split("/"):
            listing = self._at_hand(oid) if oid else None
            yield listing, name
            entry = listing.entries.get(name) if listing else None
            oid = entry.oid if entry and entry.mode == DIRECTORY else None

    def _at_hand(self, oid: BlobId) -> TreeListing | None:
        known = self._kept.get((self._owner, oid))
        if isinstance(known, TreeListing):
            return known
        tree = (self._trees or {}).get(oid)
        if tree is None or tree.kind != "tree" or len(tree.content) > MAX_LISTED:
            return None
        return self._parse(oid, tree)

    def _parse(self, oid: BlobId, tree: PackedObject) -> TreeListing:
        # The cache holds no huge listing, and the root is read for every path.
        listing = self._listings.get(oid)
        if listing is None:
            listing = unpack_listing(tree.content)
            self._listings[oid] = listing
        return listing


def _content(found: Mapping[BlobId, PackedObject], oid: BlobId) -> bytes:
    blob = found.get(oid)
    if blob is None or blob.kind != "blob":
        raise UnsuitableError(f"the server gives no file {oid[:12]}")
    return blob.content
