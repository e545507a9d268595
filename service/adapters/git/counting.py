"""Count the requests that reading with plain git takes."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from service.domain.definition import Entry
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import BlobId, CommitSha, Repository
from service.domain.source import Head, Revision
from service.ports.remote import NO_READS, ExpectedReads, Remote, Tree

__all__ = ["Counted"]


class Counted:
    """Count the requests of a `Remote`, as plain git would send them.

    One request for a head, one for a commit with its trees, one for each file.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self.requests = 0

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        self.requests += 1
        return await self._remote.head(repository, revision, expected=expected)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        self.requests += 1
        async with self._remote.tree(repository, commit, expected=expected) as tree:
            yield _CountedTree(tree, self)


class _CountedTree:
    """Implement the port `Tree`."""

    def __init__(self, tree: Tree, counted: Counted) -> None:
        self._tree = tree
        self._counted = counted

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        return await self._tree.entries(paths)

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        return await self._tree.listing(path, limit=limit)

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        self._counted.requests += 1
        return await self._tree.read(oid, limit=limit)
