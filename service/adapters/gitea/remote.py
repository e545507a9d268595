"""Repositories of a Gitea or Forgejo, by their REST API.

https://docs.gitea.com/api/: repository, branches, tags, git
"""

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from service.adapters.forge_api.account import here
from service.adapters.forge_api.failing import UnprovenAnswerError
from service.adapters.forge_api.keeping import Immutables
from service.adapters.forge_api.names import is_ref, quoted
from service.adapters.forge_api.objects import Listed, Listing, proved_listing
from service.adapters.forge_api.reading import read
from service.adapters.forge_api.walking import ApiTree, Kept
from service.adapters.forge_api.wire import TooLargeError
from service.adapters.gitea.api import GiteaApi
from service.adapters.gitea.shapes import Blob, Branch, Commit, Repo, Tag, Tree as Page
from service.domain.evaluation import RefGone
from service.domain.repository import BlobId, CommitSha, Ref, Repository, is_commit
from service.domain.source import Head, Revision, RevisionKind
from service.errors import Refusal, RemoteRefusedError
from service.ports.remote import Tree

__all__ = ["GiteaRemote"]

MAX_PAGES: Final = 100
"""Of one directory; a host gives up to a thousand entries on each."""
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_ABSENT: Final = frozenset({404})
_NO_REF: Final = frozenset({404, 409})
"""404: no such ref. 409: the repository is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository as its host knows it now."""

    repository: Repository
    number: int
    default_branch: str

    @property
    def place(self) -> str:
        """Where its resources are: they are not to be had by its number."""
        owner, _, name = self.repository.path.partition("/")
        return f"/repos/{quoted(owner)}/{quoted(name)}"


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
        found = await self._find(repository)
        is_default = revision.kind is RevisionKind.DEFAULT
        refs = (
            (Ref(f"{_HEADS}{found.default_branch}"),) if is_default else revision.refs
        )
        for ref in (it for it in refs if is_ref(it)):
            commit = await self._commit(found, ref)
            if commit is not None:
                return Head(commit=commit, ref=ref, repository=found.repository)
        if is_default:
            message = f"{repository.url} has no commits on a default branch yet."
        else:
            names = " or ".join(it[:200] for it in refs)
            message = f"{repository.url} has no {names!a}."
        return RefGone(message=message)

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator[Tree]:
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        found = await self._find(repository)
        owner = (self._host, found.number)
        yield ApiTree(
            shelf=_Shelf(self._api, found),
            root=await self._root(found, owner, commit),
            kept=self._kept,
            owner=owner,
        )

    async def _find(self, repository: Repository) -> Found:
        """Ask for a repository: by its number once that is known, by its path before.

        A path it had before leads to it, as long as no other repository has that.
        """
        doing = f"look up {repository.url}"
        if repository.number is None:
            said = await self._api.item(_by_path(repository), doing=doing)
        else:
            path = f"/repositories/{repository.number}"
            said = await self._api.item(path, doing=doing, absent=_ABSENT)
            if said is None:
                raise await self._why_gone(repository)
        told = read(Repo, said, doing=doing)
        return Found(
            repository=here(repository, path=told.full_name, number=told.id),
            number=told.id,
            default_branch=told.default_branch,
        )

    async def _why_gone(self, repository: Repository) -> RemoteRefusedError:
        """Tell a repository that is gone from one whose name somebody took."""
        doing = f"look up {repository.url}"
        said = await self._api.item(_by_path(repository), doing=doing, absent=_ABSENT)
        if said is None:
            return RemoteRefusedError(
                f"{repository.url}, number {repository.number}, was deleted, or is"
                " private and not shown to us"
            )
        return RemoteRefusedError(
            f"{repository.url} is another repository now, number"
            f" {read(Repo, said, doing=doing).id}; the one that was followed, number"
            f" {repository.number}, is deleted or not shown to us",
            refusal=Refusal.REPLACED,
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
        key = (owner, "root", commit)
        known = self._kept.get(key)
        if isinstance(known, bytes):
            return BlobId(known.decode("ascii"))
        doing = f"fetch commit {commit[:12]} of {found.repository.url}"
        path = f"{found.place}/git/commits/{commit}?stat=false&files=false"
        said = await self._api.item(path, doing=doing)
        root = BlobId(read(Commit, said, doing=doing).commit.tree.sha)
        self._kept.keep(key, root.encode("ascii"))
        return root


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
        try:
            return base64.b64decode(told.content or "")
        except binascii.Error as exc:
            raise UnprovenAnswerError(f"cannot {doing}: it is no base64") from exc


def _encoded(limit: int) -> int:
    """Say how long an answer can be that holds so many bytes of content."""
    return limit * 4 // 3 + 4096


def _by_path(repository: Repository) -> str:
    parts = repository.path.split("/")
    if len(parts) != 2 or any(it in {"", ".", ".."} for it in parts):  # noqa: PLR2004 - owner and name
        raise RemoteRefusedError(
            f"{repository.url} is no owner/name, as hosts have them"
        )
    return f"/repos/{quoted(parts[0])}/{quoted(parts[1])}"
