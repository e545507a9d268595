"""Repositories of a GitLab, by its REST API.

https://docs.gitlab.com/api/projects/, …/branches/, …/tags/, …/repositories/
A project is asked for by its number as soon as that is known: the number stays when
the project is renamed or transferred, and no other project ever gets it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from gitlab import Gitlab
from gitlab.v4.objects import Project
from pydantic import BaseModel, ConfigDict

from service.adapters.forge_api.account import here
from service.adapters.forge_api.failing import UnprovenAnswerError
from service.adapters.forge_api.keeping import Immutables
from service.adapters.forge_api.names import is_ref
from service.adapters.forge_api.reading import read
from service.adapters.forge_api.walking import ApiTree, Kept
from service.adapters.gitlab.line import GitLabLine
from service.adapters.gitlab.shelf import GitLabShelf
from service.domain.evaluation import RefGone
from service.domain.repository import CommitSha, Ref, Repository, as_commit, is_commit
from service.domain.source import Head, Revision, RevisionKind
from service.errors import Refusal, RemoteRefusedError
from service.ports.remote import Tree

__all__ = ["GitLabRemote"]

_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"


class GitLabProject(BaseModel):
    """https://docs.gitlab.com/api/projects/#get-a-single-project."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: int
    path_with_namespace: str
    default_branch: str | None = None
    """Null, or the name it will have, while there are no commits."""


class GitLabCommit(BaseModel):
    """What a branch or a tag stands for."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str


class GitLabRef(BaseModel):
    """A branch or a tag; the commit of an annotated tag is peeled."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    commit: GitLabCommit | None = None
    """None where a tag stands for something else than a commit."""


class GitLabRemote:
    """Implements the port `Remote` for the projects of one host.

    Args:
        line: To that host.
        kept: What is remembered, for every repository together.
    """

    def __init__(self, *, line: GitLabLine, kept: Immutables[Kept]) -> None:
        self._line = line
        self._kept = kept

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        if revision.kind is RevisionKind.COMMIT:
            return Head(commit=CommitSha(revision.name), ref=None)
        refs = tuple(ref for ref in revision.refs if is_ref(ref))
        if revision.kind is not RevisionKind.DEFAULT and not refs:
            return RefGone(message=f"{revision.name[:200]!r} is no name git allows.")
        project = await self._project(repository)
        now = here(repository, path=project.path_with_namespace, number=project.id)
        if revision.kind is RevisionKind.DEFAULT:
            if not project.default_branch:
                return _no_default(now)
            refs = (Ref(f"{_HEADS}{project.default_branch}"),)
        for ref in refs:
            if commit := await self._commit(now, project.id, ref):
                return Head(commit=commit, ref=ref, repository=now)
        if revision.kind is RevisionKind.DEFAULT:
            return _no_default(now)
        return RefGone(message=f"{now.url} has no {' or '.join(refs)}.")

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator[Tree]:
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        number = repository.number
        if number is None:
            number = (await self._project(repository)).id
        owner = (self._line.host, number)
        shelf = GitLabShelf(
            line=self._line, number=number, commit=commit, url=repository.url
        )
        yield ApiTree(
            shelf=shelf,
            root=await shelf.root(kept=self._kept, owner=owner),
            kept=self._kept,
            owner=owner,
        )

    async def _project(self, repository: Repository) -> GitLabProject:
        """Ask who a repository is now.

        By path, a project is found that was renamed since: GitLab redirects. A number
        that is gone is not looked for under its old path, only told apart from it.
        """
        found = await self._find_project(repository, repository.number)
        if found is not None:
            return found
        if repository.number is not None:
            other = await self._find_project(repository, None)
            if other is not None and other.id != repository.number:
                raise RemoteRefusedError(
                    f"{repository.url} is another project now, number {other.id};"
                    f" number {repository.number} is gone, or not for us",
                    refusal=Refusal.REPLACED,
                    number=other.id,
                )
        raise RemoteRefusedError(
            f"{self._line.host} has no project {repository.path}, or none for us"
        )

    async def _find_project(
        self, repository: Repository, number: int | None
    ) -> GitLabProject | None:
        doing = f"look up {repository.url}"
        key = repository.path if number is None else number
        found = await self._line.find(doing, lambda gl: gl.projects.get(key).attributes)
        return None if found is None else read(GitLabProject, found, doing=doing)

    async def _commit(
        self, repository: Repository, number: int, ref: Ref
    ) -> CommitSha | None:
        doing = f"look up a ref of {repository.url}"
        found = await self._line.find(doing, _asking_for(ref, number))
        if found is None:
            return None
        commit = read(GitLabRef, found, doing=doing).commit
        return as_commit(commit.id) if commit and is_commit(commit.id) else None


def _asking_for(ref: Ref, number: int) -> Callable[[Gitlab], dict[str, object]]:
    if any(0xD800 <= ord(it) <= 0xDFFF for it in ref):  # noqa: PLR2004 - surrogates
        raise UnprovenAnswerError(
            f"{ref!a} is no UTF-8; the API cannot be asked for it"
        )

    def ask(gl: Gitlab) -> dict[str, object]:
        project: Project = gl.projects.get(number, lazy=True)
        if ref.startswith(_TAGS):
            return dict(project.tags.get(ref.removeprefix(_TAGS)).attributes)
        return dict(project.branches.get(ref.removeprefix(_HEADS)).attributes)

    return ask


def _no_default(repository: Repository) -> RefGone:
    return RefGone(message=f"{repository.url} has no commits on a default branch yet.")
