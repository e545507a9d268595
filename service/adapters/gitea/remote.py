"""Repositories of a Gitea or Forgejo, by their REST API.

https://docs.gitea.com/api/: repository, branches, tags, git
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from service.adapters.forge_api.failing import UnprovenAnswerError
from service.adapters.forge_api.identity import Found, find, first_head
from service.adapters.forge_api.keeping import Immutables
from service.adapters.forge_api.names import quoted
from service.adapters.forge_api.objects import Listed, Listing, proved_listing
from service.adapters.forge_api.reading import content_of, read
from service.adapters.forge_api.walking import ApiTree, Kept, root_of
from service.adapters.forge_api.wire import TooLargeError
from service.adapters.gitea.api import GiteaApi
from service.adapters.gitea.shapes import Blob, Branch, Commit, Tag, Tree as Page
from service.domain.evaluation import RefGone
from service.domain.repository import BlobId, CommitSha, Ref, Repository, is_commit
from service.domain.source import Head, Revision, RevisionKind
from service.errors import RemoteRefusedError
from service.ports.remote import Tree

__all__ = ["GiteaRemote"]

MAX_PAGES: Final = 100
"""Of one directory; a host gives up to a thousand entries on each."""
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_NO_REF: Final = frozenset({404, 409})
"""404: no such ref. 409: the repository is empty."""


class GiteaRemote:
    """Implements the port `Remote` for the repositories of one host.

    Args:
        api: Makes requests.
        kept: What is remembered, for every repository together.
        host: Whose objects they are.
    """

    def __init__(self, *, api: GiteaApi, kept: Immutables[Kept], host: str) -> None:
        self._api = api
        self._kept = kept
        self._host = host

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        if revision.kind is RevisionKind.COMMIT:
            return Head(commit=CommitSha(revision.name), ref=None)
        found = await find(self._api, repository)
        return await first_head(found, revision, self._commit)

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator[Tree]:
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        found = await find(self._api, repository)
        owner = (self._host, found.number)
        yield ApiTree(
            shelf=_Shelf(self._api, found),
            root=await self._root(found, owner, commit),
            kept=self._kept,
            owner=owner,
        )

    async def _commit(self, found: Found, ref: Ref) -> CommitSha | None:
        """Return the commit a ref stands for; None when there is no such ref."""
        doing = f"look up a ref of {found.repository.url}"
        is_tag = ref.startswith(_TAGS)
        name = quoted(ref.removeprefix(_TAGS if is_tag else _HEADS), safe="/")
        path = f"{found.place}/{'tags' if is_tag else 'branches'}/{name}"
        said = await self._api.item(path, doing=doing, absent=_NO_REF)
        if said is None:
            return None
        if not is_tag:
            commit = read(Branch, said, doing=doing).commit.id
        else:
            peeled = read(Tag, said, doing=doing).commit
            commit = peeled.sha if peeled else ""
        if not is_commit(commit):
            raise RemoteRefusedError(
                f"{ref} of {found.repository.url} stands for no commit"
            )
        return CommitSha(commit)

    async def _root(
        self, found: Found, owner: tuple[str, int], commit: CommitSha
    ) -> BlobId:
        async def ask() -> BlobId:
            doing = f"fetch commit {commit[:12]} of {found.repository.url}"
            path = f"{found.place}/git/commits/{commit}?stat=false&files=false"
            said = await self._api.item(path, doing=doing)
            return BlobId(read(Commit, said, doing=doing).commit.tree.sha)

        return await root_of(commit, owner=owner, kept=self._kept, ask=ask)


class _Shelf:
    """Implements `Shelf` for one repository."""

    def __init__(self, api: GiteaApi, found: Found) -> None:
        self._api = api
        self._git = f"{found.place}/git"
        self._url = found.repository.url

    async def listing(self, path: str, oid: BlobId) -> Listing:
        del path
        doing = f"list a directory of {self._url}"
        rows: list[Listed] = []
        for number in range(1, MAX_PAGES + 1):
            page = f"{self._git}/trees/{oid}?page={number}&per_page=1000"
            told = read(Page, await self._api.item(page, doing=doing), doing=doing)
            rows += (
                Listed(
                    name=it.path,
                    mode=it.mode,
                    oid=it.sha,
                    size=it.size if it.type == "blob" else None,
                )
                for it in told.tree
            )
            if not told.truncated or not told.tree:
                return proved_listing(rows, oid=oid)
        raise UnprovenAnswerError(f"cannot {doing}: it has over {len(rows)} entries")

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        doing = f"read a file of {self._url}"
        try:
            said = await self._api.item(
                f"{self._git}/blobs/{oid}", doing=doing, most=_encoded(limit)
            )
        except TooLargeError:
            return None
        told = read(Blob, said, doing=doing)
        if told.size > limit:
            return None
        return content_of(told.content or "", doing=doing)


def _encoded(limit: int) -> int:
    """Say how long an answer can be that holds so many bytes of content."""
    return limit * 4 // 3 + 4096
