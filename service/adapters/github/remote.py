"""Repositories at GitHub, without git: few small requests for each look.

A look at a known head costs two conditional requests, which GitHub does not count
when they carry a token; a look at a new one three or four more.
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from service.adapters.forge_api.identity import Found, find, first_head
from service.adapters.forge_api.keeping import Immutables
from service.adapters.forge_api.names import quoted
from service.adapters.forge_api.objects import Listed, Listing, proved_listing
from service.adapters.forge_api.reading import content_of, read
from service.adapters.forge_api.walking import ApiTree, Kept, root_of
from service.adapters.forge_api.wire import TooLargeError
from service.adapters.github.api import GitHubApi
from service.adapters.github.shapes import (
    Blob,
    Commit,
    Ref as RefTold,
    Tag,
    Tree as TreeTold,
)
from service.domain.evaluation import RefGone
from service.domain.repository import BlobId, CommitSha, Ref, Repository, is_commit
from service.domain.source import Head, Revision, RevisionKind
from service.errors import RemoteRefusedError
from service.ports.remote import Tree

__all__ = ["GitHubRemote"]

MAX_PEELS: Final = 10
"""Tags that tag tags; git itself needs no limit, whoever asks over HTTP does."""

_NO_REF: Final = frozenset({404, 409})
"""404: no such ref. 409: "Git Repository is empty."."""


class GitHubRemote:
    """Implements the port `Remote`.

    Args:
        asking: Makes requests for what changes, conditionally.
        reading: Makes requests for what never changes under its id.
        kept: What was read, bounded.
        host: Whose objects they are.
    """

    def __init__(
        self,
        *,
        asking: GitHubApi,
        reading: GitHubApi,
        kept: Immutables[Kept],
        host: str,
    ) -> None:
        self._asking = asking
        self._reading = reading
        self._kept = kept
        self._host = host

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        if revision.kind is RevisionKind.COMMIT:
            return Head(commit=CommitSha(revision.name), ref=None)
        found = await find(self._asking, repository)
        return await first_head(found, revision, self._commit)

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator[Tree]:
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        number = repository.number
        if number is None:
            number = (await find(self._asking, repository)).number
        owner = (self._host, number)
        yield ApiTree(
            shelf=_Shelf(self._reading, number=number, url=repository.url),
            root=await self._root(repository, owner, commit),
            kept=self._kept,
            owner=owner,
        )

    async def _commit(self, found: Found, ref: Ref) -> CommitSha | None:
        """Return the commit a ref stands for; None when there is no such ref."""
        url = found.repository.url
        doing = f"look up a ref of {url}"
        name = quoted(ref.removeprefix("refs/"), safe="/")
        path = f"/repositories/{found.number}/git/ref/{name}"
        said = await self._asking.item(path, doing=doing, absent=_NO_REF)
        if said is None:
            return None
        target = read(RefTold, said, doing=doing).object
        for _ in range(MAX_PEELS):
            if target.type != "tag":
                break
            path = f"/repositories/{found.number}/git/tags/{quoted(target.sha)}"
            said = await self._asking.item(path, doing=doing)
            target = read(Tag, said, doing=doing).object
        if target.type != "commit" or not is_commit(target.sha):
            raise RemoteRefusedError(f"{ref} of {url} stands for no commit")
        return CommitSha(target.sha)

    async def _root(
        self, repository: Repository, owner: tuple[str, int], commit: CommitSha
    ) -> BlobId:
        async def ask() -> BlobId:
            doing = f"fetch commit {commit[:12]} of {repository.url}"
            path = f"/repositories/{owner[1]}/git/commits/{commit}"
            said = await self._reading.item(path, doing=doing)
            return BlobId(read(Commit, said, doing=doing).tree.sha)

        return await root_of(commit, owner=owner, kept=self._kept, ask=ask)


class _Shelf:
    """Implements `Shelf` for one repository."""

    def __init__(self, api: GitHubApi, *, number: int, url: str) -> None:
        self._api = api
        self._git = f"/repositories/{number}/git"
        self._url = url

    async def listing(self, path: str, oid: BlobId) -> Listing:
        del path
        doing = f"list a directory of {self._url}"
        # Without `recursive`, whose every value, even 0, asks for all levels.
        said = await self._api.item(f"{self._git}/trees/{oid}", doing=doing)
        told = read(TreeTold, said, doing=doing)
        rows = (
            Listed(name=it.path, mode=it.mode, oid=it.sha, size=it.size)
            for it in told.tree
        )
        return proved_listing(rows, oid=oid)

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        doing = f"read a file of {self._url}"
        try:
            said = await self._api.item(f"{self._git}/blobs/{oid}", doing=doing)
        except TooLargeError:
            return None
        told = read(Blob, said, doing=doing)
        if told.size > limit:
            return None
        return content_of(told.content, doing=doing)
