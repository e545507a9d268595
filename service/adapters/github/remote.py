"""Read repositories at GitHub with few small requests instead of git.

With a token, an evaluation is one GraphQL query. What that does not answer takes REST
requests: two conditional ones for a known head, which GitHub does not count when they
carry a token, and three or four more for a new head.
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from service.adapters.forge_api.api_tree import ApiTree, Kept, load_root
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.errors import TooLargeError, UnprovenAnswerError
from service.adapters.forge_api.listings import (
    ListedObject,
    TreeListing,
    verify_below,
    verify_listing,
)
from service.adapters.forge_api.ref_names import quote_ref
from service.adapters.forge_api.repository_identity import (
    RepositoryRecord,
    find_repository,
    resolve_head,
)
from service.adapters.forge_api.responses import decode_content, parse_answer
from service.adapters.github.client import GitHubApi
from service.adapters.github.head_lookup import GitHubHeadLookup
from service.adapters.github.models import (
    GitHubBlob,
    GitHubCommit,
    GitHubTag,
    GitHubTree as TreeAnswer,
    Ref as RefAnswer,
)
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import BlobId, CommitSha, Ref, Repository, is_commit
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError
from service.ports.remote import NO_READS, ExpectedReads, Tree

__all__ = ["GitHubRemote"]

MAX_PEELS: Final = 10
"""Nested annotated tags; each costs a request."""

_NO_REF: Final = frozenset({404, 409})
"""404: no such ref. 409: "Git Repository is empty."."""


class GitHubRemote:
    """Implement the port `Remote` for the repositories of one host.

    Args:
        asking: Makes conditional requests, for resources that change.
        reading: Makes requests for objects, which never change under their id.
        lookup: Looks up a head with its files in one request, where that is possible.
        kept: The cache of objects.
        host: The host, as part of the keys in the cache.
    """

    def __init__(
        self,
        *,
        lookup: GitHubHeadLookup,
        asking: GitHubApi,
        reading: GitHubApi,
        kept: ImmutableCache[Kept],
        host: str,
    ) -> None:
        self._lookup = lookup
        self._asking = asking
        self._reading = reading
        self._kept = kept
        self._host = host

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        found = await self._lookup.find(repository, revision, expected)
        if found is not None:
            return found
        record = await find_repository(self._asking, repository)
        return await resolve_head(record, revision, self._commit)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        del expected  # fetched with the head
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        number = repository.number
        if number is None:
            # Objects are read by number: between two requests the name may pass to
            # another repository.
            number = (await find_repository(self._asking, repository)).number
        owner = (self._host, number)
        yield ApiTree(
            objects=_GitHubObjects(self._reading, number=number, url=repository.url),
            root=await self._root(repository, owner, commit),
            kept=self._kept,
            owner=owner,
        )

    async def _commit(self, record: RepositoryRecord, ref: Ref) -> CommitSha | None:
        """Return the commit of a ref; None when there is no such ref."""
        url = record.repository.url
        operation = f"look up a ref of {url}"
        name = quote_ref(ref.removeprefix("refs/"), safe="/")
        path = f"/repositories/{record.number}/git/ref/{name}"
        answer = await self._asking.fetch(path, operation=operation, absent=_NO_REF)
        if answer is None:
            return None
        target = parse_answer(RefAnswer, answer, operation=operation).object
        for _ in range(MAX_PEELS):
            if target.type != "tag":
                break
            path = f"/repositories/{record.number}/git/tags/{quote_ref(target.sha)}"
            answer = await self._asking.fetch(path, operation=operation)
            target = parse_answer(GitHubTag, answer, operation=operation).object
        if target.type != "commit" or not is_commit(target.sha):
            raise RemoteRefusedError(f"{ref} of {url} refers to no commit")
        return CommitSha(target.sha)

    async def _root(
        self, repository: Repository, owner: tuple[str, int], commit: CommitSha
    ) -> BlobId:
        async def ask() -> BlobId:
            operation = f"fetch commit {commit[:12]} of {repository.url}"
            path = f"/repositories/{owner[1]}/git/commits/{commit}"
            answer = await self._reading.fetch(path, operation=operation)
            return BlobId(
                parse_answer(GitHubCommit, answer, operation=operation).tree.sha
            )

        return await load_root(commit, owner=owner, kept=self._kept, ask=ask)


class _GitHubObjects:
    """Implement `ObjectSource` for one repository."""

    def __init__(self, api: GitHubApi, *, number: int, url: str) -> None:
        self._api = api
        self._git = f"/repositories/{number}/git"
        self._url = url

    async def listing(self, path: str, oid: BlobId) -> TreeListing:
        del path
        # Without the parameter `recursive`: any value of it, even 0, means all levels.
        return verify_listing(await self._rows(f"{self._git}/trees/{oid}"), oid=oid)

    async def listings(
        self, wanted: Mapping[str, BlobId]
    ) -> Mapping[BlobId, TreeListing]:
        del wanted
        return {}

    async def below(self, path: str, oid: BlobId) -> Mapping[BlobId, TreeListing]:
        del path
        try:
            rows = await self._rows(f"{self._git}/trees/{oid}?recursive=1")
        except UnprovenAnswerError:  # too large
            return {}
        return verify_below(rows, oid=oid)

    async def _rows(self, path: str) -> Sequence[ListedObject]:
        operation = f"list a directory of {self._url}"
        answer = await self._api.fetch(path, operation=operation)
        answer = parse_answer(TreeAnswer, answer, operation=operation)
        return [
            ListedObject(
                name=entry.path,
                mode=entry.mode,
                oid=entry.sha,
                size=entry.size,
            )
            for entry in answer.tree
        ]

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        operation = f"read a file of {self._url}"
        try:
            answer = await self._api.fetch(
                f"{self._git}/blobs/{oid}", operation=operation
            )
        # An answer over the client's limit has more than `limit` bytes in any case, as
        # base64 only adds to it.
        except TooLargeError:
            return None
        answer = parse_answer(GitHubBlob, answer, operation=operation)
        if answer.size > limit:
            return None
        return decode_content(answer.content, operation=operation)
