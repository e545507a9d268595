"""Identify a repository by its number, at GitHub and Gitea.

Both answer `/repositories/{number}`. A repository that is renamed or transferred
keeps its number; a new one under an old name has another number, and is refused.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict

from service.adapters.forge_api.account import relocate_repository
from service.adapters.forge_api.ref_names import quote_ref
from service.adapters.forge_api.responses import Number, parse_answer
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Ref, Repository, is_ref
from service.domain.source import Head, Revision, RevisionKind
from service.errors import Refusal, RemoteRefusedError

__all__ = ["ForgeClient", "RepositoryRecord", "find_repository", "resolve_head"]

_ABSENT: Final = frozenset({404})


class ForgeClient(Protocol):
    """The client of a forge's API, as far as it is needed here."""

    async def fetch(
        self, path: str, *, operation: str, absent: Collection[int] = ()
    ) -> Any:  # noqa: ANN401 - JSON
        """Return a resource; None when it answers with a status of `absent`."""
        ...


class _RepositoryAnswer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Number
    full_name: str
    default_branch: str = ""
    private: bool | None = None
    visibility: str = ""
    """GitHub's: `public`, `private`, or `internal`, to the members of an enterprise."""
    internal: bool = False
    """Gitea's: of an owner whom only members see."""

    @property
    def is_private(self) -> bool:
        """Return whether reading is restricted; also where it is unknown."""
        # In doubt private: an image of a private repository under a public key could be
        # pulled by anybody.
        is_shown = self.private is False and not self.internal
        return not (is_shown and self.visibility in {"", "public"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRecord:
    """A repository, as its forge describes it now."""

    repository: Repository
    """With its number and its current path."""
    number: int
    default_branch: str
    is_private: bool

    @property
    def path(self) -> str:
        """The API path of its resources, by owner and name."""
        return _by_path(self.repository)


async def find_repository(api: ForgeClient, repository: Repository) -> RepositoryRecord:
    """Find a repository: by its number once that is known, by its path before.

    Raises:
        RemoteRefusedError: It does not exist, we may not read it, or its name belongs
            to another repository now.
        TransientError: The forge did not answer.
    """
    operation = f"look up {repository.url}"
    if repository.number is None:
        answer = await api.fetch(_by_path(repository), operation=operation)
    else:
        path = f"/repositories/{repository.number}"
        answer = await api.fetch(path, operation=operation, absent=_ABSENT)
        if answer is None:
            # The name is asked only to explain: a repository of another number under it
            # is never read in place of ours.
            answer = await _by_name(api, repository)
    described = parse_answer(_RepositoryAnswer, answer, operation=operation)
    return RepositoryRecord(
        repository=relocate_repository(
            repository, path=described.full_name, number=described.id
        ),
        number=described.id,
        default_branch=described.default_branch,
        is_private=described.is_private,
    )


async def resolve_head(
    record: RepositoryRecord,
    revision: Revision,
    commit_of: Callable[[RepositoryRecord, Ref], Awaitable[CommitSha | None]],
) -> Head | RefMissing:
    """Return the head of the first ref that a revision can name.

    Args:
        record: The repository.
        revision: The revision; a pinned commit has no ref.
        commit_of: Returns the commit of a ref; None when there is no such ref.
    """
    if revision.kind is RevisionKind.COMMIT:
        return _head(record, CommitSha(revision.name), None)
    is_default = revision.kind is RevisionKind.DEFAULT
    default = Ref(f"refs/heads/{record.default_branch}")
    refs = (default,) if is_default else revision.refs
    for ref in filter(is_ref, refs):
        commit = await commit_of(record, ref)
        if commit is not None:
            return _head(record, commit, ref)
    url = record.repository.url
    if is_default:
        return RefMissing(message=f"{url} has no commits on a default branch yet.")
    names = " or ".join(ref[:200] for ref in refs)
    return RefMissing(message=f"{url} has no {names!a}.")


def _head(record: RepositoryRecord, commit: CommitSha, ref: Ref | None) -> Head:
    return Head(
        commit=commit,
        ref=ref,
        repository=record.repository,
        is_private=record.is_private,
    )


async def _by_name(api: ForgeClient, repository: Repository) -> object:
    """Look up a repository by name, because its number is unknown to the forge.

    Raises:
        RemoteRefusedError: It is deleted or hidden, or another one has its name.
    """
    operation = f"look up {repository.url}"
    answer: object = await api.fetch(
        _by_path(repository), operation=operation, absent=_ABSENT
    )
    if answer is None:
        raise RemoteRefusedError(
            f"{repository.url} was deleted, or is private and not readable for us:"
            f" {repository.host} knows no number {repository.number} for it"
        )
    other = parse_answer(_RepositoryAnswer, answer, operation=operation)
    if other.id == repository.number:
        return answer  # a replica of the forge did not know the number yet
    raise RemoteRefusedError(
        f"{repository.url} is another repository now, number {other.id}; the one that"
        f" was followed, number {repository.number}, is deleted or not shown to us",
        refusal=Refusal.REPLACED,
        number=other.id,
    )


def _by_path(repository: Repository) -> str:
    parts = repository.path.split("/")
    if len(parts) != 2 or any(part in {"", ".", ".."} for part in parts):  # noqa: PLR2004 - owner and name
        raise RemoteRefusedError(
            f"{repository.url} is no owner/name, as {repository.host} requires"
        )
    return f"/repos/{quote_ref(parts[0])}/{quote_ref(parts[1])}"
