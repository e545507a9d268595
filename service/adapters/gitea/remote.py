"""Read repositories of a Gitea or Forgejo by its REST API.

https://docs.gitea.com/api/: repository, branches, tags, git
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from service.adapters.forge_api.api_tree import ApiTree, Kept, load_root
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.errors import TooLargeError, UnprovenAnswerError
from service.adapters.forge_api.listings import (
    ListedObject,
    TreeListing,
    verify_listing,
)
from service.adapters.forge_api.ref_names import quote_ref
from service.adapters.forge_api.repository_identity import (
    RepositoryRecord,
    find_repository,
    resolve_head,
)
from service.adapters.forge_api.responses import decode_content, parse_answer
from service.adapters.gitea.client import GiteaApi
from service.adapters.gitea.models import (
    Branch,
    GiteaBlob,
    GiteaCommit,
    GiteaTag,
    GiteaTree as Page,
)
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import BlobId, CommitSha, Ref, Repository, is_commit
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError
from service.ports.remote import NO_READS, ExpectedReads, Tree

__all__ = ["GiteaRemote"]

MAX_PAGES: Final = 100
"""Of one directory; a host returns up to a thousand entries on each."""
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_NO_REF: Final = frozenset({404, 409})
"""404: no such ref. 409: the repository is empty."""


class GiteaRemote:
    """Implement the port `Remote` for the repositories of one host.

    Args:
        api: Makes requests.
        kept: The cache of objects, shared by all repositories.
        host: The host, as part of the keys in the cache.
    """

    def __init__(self, *, api: GiteaApi, kept: ImmutableCache[Kept], host: str) -> None:
        self._api = api
        self._kept = kept
        self._host = host

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        del expected  # the API has no request for several objects
        record = await find_repository(self._api, repository)
        return await resolve_head(record, revision, self._commit)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        del expected  # the API has no request for several objects
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        record = await find_repository(self._api, repository)
        owner = (self._host, record.number)
        yield ApiTree(
            objects=_GiteaObjects(self._api, record),
            root=await self._root(record, owner, commit),
            kept=self._kept,
            owner=owner,
        )

    async def _commit(self, record: RepositoryRecord, ref: Ref) -> CommitSha | None:
        """Return the commit of a ref; None when there is no such ref."""
        operation = f"look up a ref of {record.repository.url}"
        is_tag = ref.startswith(_TAGS)
        name = quote_ref(ref.removeprefix(_TAGS if is_tag else _HEADS), safe="/")
        path = f"{record.path}/{'tags' if is_tag else 'branches'}/{name}"
        answer = await self._api.fetch(path, operation=operation, absent=_NO_REF)
        if answer is None:
            return None
        if not is_tag:
            commit = parse_answer(Branch, answer, operation=operation).commit.id
        else:
            peeled = parse_answer(GiteaTag, answer, operation=operation).commit
            commit = peeled.sha if peeled else ""
        if not is_commit(commit):
            raise RemoteRefusedError(
                f"{ref} of {record.repository.url} refers to no commit"
            )
        return CommitSha(commit)

    async def _root(
        self, record: RepositoryRecord, owner: tuple[str, int], commit: CommitSha
    ) -> BlobId:
        async def ask() -> BlobId:
            operation = f"fetch commit {commit[:12]} of {record.repository.url}"
            # Gitea computes both from the diff of the commit, which takes long for a
            # large one.
            path = f"{record.path}/git/commits/{commit}?stat=false&files=false"
            answer = await self._api.fetch(path, operation=operation)
            return BlobId(
                parse_answer(GiteaCommit, answer, operation=operation).commit.tree.sha
            )

        return await load_root(commit, owner=owner, kept=self._kept, ask=ask)


class _GiteaObjects:
    """Implement `ObjectSource` for one repository."""

    def __init__(self, api: GiteaApi, record: RepositoryRecord) -> None:
        self._api = api
        self._git = f"{record.path}/git"
        self._url = record.repository.url

    async def listing(self, path: str, oid: BlobId) -> TreeListing:
        del path
        operation = f"list a directory of {self._url}"
        rows: list[ListedObject] = []
        for number in range(1, MAX_PAGES + 1):
            page = f"{self._git}/trees/{oid}?page={number}&per_page=1000"
            answer = parse_answer(
                Page,
                await self._api.fetch(page, operation=operation),
                operation=operation,
            )
            rows += (
                ListedObject(
                    name=entry.path,
                    mode=entry.mode,
                    oid=entry.sha,
                    size=entry.size if entry.type == "blob" else None,
                )
                for entry in answer.tree
            )
            if not answer.truncated or not answer.tree:
                return verify_listing(rows, oid=oid)
        raise UnprovenAnswerError(
            f"cannot {operation}: it has over {len(rows)} entries"
        )

    async def listings(
        self, wanted: Mapping[str, BlobId]
    ) -> Mapping[BlobId, TreeListing]:
        del wanted
        return {}

    async def below(self, path: str, oid: BlobId) -> Mapping[BlobId, TreeListing]:
        del path, oid
        return {}

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        operation = f"read a file of {self._url}"
        try:
            answer = await self._api.fetch(
                f"{self._git}/blobs/{oid}",
                operation=operation,
                max_bytes=_max_answer_size(limit),
            )
        except TooLargeError:
            return None
        answer = parse_answer(GiteaBlob, answer, operation=operation)
        if answer.size > limit:
            return None
        return decode_content(answer.content or "", operation=operation)


def _max_answer_size(limit: int) -> int:
    """Return the maximum size of an answer with so many bytes of content in base64."""
    return limit * 4 // 3 + 4096
