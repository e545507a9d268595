"""Read repositories of a GitLab: by one GraphQL query, and by REST where that fails.

https://docs.gitlab.com/api/projects/, …/branches/, …/tags/, …/repositories/
A project is looked up by its id once that is known: a rename or a transfer does not
change it, and no other project ever gets it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from gitlab import Gitlab
from gitlab.v4.objects import Project
from pydantic import BaseModel, ConfigDict

from service.adapters.forge_api.account import relocate_repository
from service.adapters.forge_api.api_tree import ApiTree, Kept
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.errors import UnprovenAnswerError
from service.adapters.forge_api.responses import Number, parse_answer
from service.adapters.gitlab.client import GitLabClient
from service.adapters.gitlab.directories import GitLabDirectories
from service.adapters.gitlab.head_lookup import GitLabHeadLookup
from service.adapters.gitlab.objects import GitLabObjects
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import (
    CommitSha,
    Ref,
    Repository,
    is_commit,
    is_ref,
    parse_commit,
)
from service.domain.source import Head, Revision, RevisionKind
from service.errors import Refusal, RemoteRefusedError
from service.ports.remote import NO_READS, ExpectedReads, Tree

__all__ = ["GitLabRemote"]

_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"


class GitLabProject(BaseModel):
    """https://docs.gitlab.com/api/projects/#get-a-single-project."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: Number
    path_with_namespace: str
    default_branch: str | None = None
    """Null, or the future name, while there are no commits."""
    visibility: str | None = None
    """Older versions do not show it without a token."""
    repository_access_level: str = "enabled"
    """`private` where only members may read the code of a public project."""

    def is_private(self, *, has_token: bool) -> bool:
        """Return whether reading is restricted; without a token nothing shown is."""
        if not has_token:
            return False
        is_open = self.repository_access_level == "enabled"
        return self.visibility != "public" or not is_open


class GitLabCommit(BaseModel):
    """The commit of a branch or a tag."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str


class GitLabRef(BaseModel):
    """A branch or a tag; the commit of an annotated tag is peeled."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    commit: GitLabCommit | None = None
    """None where a tag refers to something else than a commit."""


class GitLabRemote:
    """Implement the port `Remote` for the projects of one host.

    Args:
        lookup: Looks up a head with its files in one request, where that is possible.
        client: The client of that host.
        kept: The cache of objects, shared by all repositories.
    """

    def __init__(
        self,
        *,
        lookup: GitLabHeadLookup,
        client: GitLabClient,
        kept: ImmutableCache[Kept],
    ) -> None:
        self._lookup = lookup
        self._client = client
        self._kept = kept

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        found = await self._lookup.find(repository, revision, expected)
        return found or await self._head_by_rest(repository, revision)

    async def _head_by_rest(
        self, repository: Repository, revision: Revision
    ) -> Head | RefMissing:
        refs = tuple(ref for ref in revision.refs if is_ref(ref))
        if revision.refs and not refs:
            return RefMissing(message=f"{revision.name[:200]!r} is no name git allows.")
        project = await self._project(repository)
        current = relocate_repository(
            repository, path=project.path_with_namespace, number=project.id
        )
        is_private = project.is_private(has_token=self._client.has_token)
        if revision.kind is RevisionKind.COMMIT:
            commit = CommitSha(revision.name)
            return Head(
                commit=commit, ref=None, repository=current, is_private=is_private
            )
        if revision.kind is RevisionKind.DEFAULT:
            if not project.default_branch:
                return _no_default(current)
            refs = (Ref(f"{_HEADS}{project.default_branch}"),)
        for ref in filter(is_ref, refs):
            if commit_sha := await self._commit(current, project.id, ref):
                return Head(
                    commit=commit_sha,
                    ref=ref,
                    repository=current,
                    is_private=is_private,
                )
        if revision.kind is RevisionKind.DEFAULT:
            return _no_default(current)
        return RefMissing(message=f"{current.url} has no {' or '.join(refs)}.")

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
            number = (await self._project(repository)).id
        owner = (self._client.host, number)
        directories = GitLabDirectories(
            graphql=self._lookup.endpoint(repository),
            number=number,
            commit=commit,
            url=repository.url,
        )
        objects = GitLabObjects(
            client=self._client,
            directories=directories,
            number=number,
            commit=commit,
            url=repository.url,
        )
        yield ApiTree(
            objects=objects,
            root=await objects.root(kept=self._kept, owner=owner),
            kept=self._kept,
            owner=owner,
        )

    async def _project(self, repository: Repository) -> GitLabProject:
        """Look up the project of a repository, by its id once that is known.

        Raises:
            RemoteRefusedError: It does not exist, we may not read it, or its path
                belongs to another project now.
            TransientError: GitLab does not answer now.
        """
        # A path also finds a renamed project: GitLab redirects. Under the path of an
        # id that is gone another project may be, which must not be read instead.
        record = await self._find_project(repository, repository.number)
        if record is not None:
            return record
        if repository.number is not None:
            other = await self._find_project(repository, None)
            # The number is reported along: a delivery that suggests the same one lets
            # the evaluation read it (`is_recreated`).
            if other is not None and other.id != repository.number:
                raise RemoteRefusedError(
                    f"{repository.url} is another project now, number {other.id};"
                    f" number {repository.number} is deleted, or not readable for us",
                    refusal=Refusal.REPLACED,
                    number=other.id,
                )
        raise RemoteRefusedError(
            f"{self._client.host} has no project {repository.path}, or none that we may"
            " read"
        )

    async def _find_project(
        self, repository: Repository, number: int | None
    ) -> GitLabProject | None:
        operation = f"look up {repository.url}"
        key = repository.path if number is None else number
        record = await self._client.find(
            operation, lambda gl: gl.projects.get(key).attributes
        )
        return (
            None
            if record is None
            else parse_answer(GitLabProject, record, operation=operation)
        )

    async def _commit(
        self, repository: Repository, number: int, ref: Ref
    ) -> CommitSha | None:
        operation = f"look up a ref of {repository.url}"
        record = await self._client.find(operation, _make_ref_query(ref, number))
        if record is None:
            return None
        commit = parse_answer(GitLabRef, record, operation=operation).commit
        return parse_commit(commit.id) if commit and is_commit(commit.id) else None


def _make_ref_query(ref: Ref, number: int) -> Callable[[Gitlab], dict[str, object]]:
    if any(0xD800 <= ord(text) <= 0xDFFF for text in ref):  # noqa: PLR2004 - surrogates
        raise UnprovenAnswerError(f"{ref!a} is not UTF-8; the API cannot look it up")

    def ask(gl: Gitlab) -> dict[str, object]:
        project: Project = gl.projects.get(number, lazy=True)
        if ref.startswith(_TAGS):
            return dict(project.tags.get(ref.removeprefix(_TAGS)).attributes)
        return dict(project.branches.get(ref.removeprefix(_HEADS)).attributes)

    return ask


def _no_default(repository: Repository) -> RefMissing:
    return RefMissing(
        message=f"{repository.url} has no commits on a default branch yet."
    )
