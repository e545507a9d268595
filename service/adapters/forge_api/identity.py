"""Which repository a number or a name stands for today, at forges with owners.

GitHub and Gitea answer alike: `/repositories/{number}` finds a repository that was
renamed or transferred, since it keeps its number; one that took an old name has
another number and is another repository.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from service.adapters.forge_api.account import here
from service.adapters.forge_api.names import is_ref, quoted
from service.adapters.forge_api.reading import read
from service.domain.evaluation import RefGone
from service.domain.repository import CommitSha, Ref, Repository
from service.domain.source import Head, Revision, RevisionKind
from service.errors import Refusal, RemoteRefusedError

__all__ = ["Asking", "Found", "find", "first_head"]

_ABSENT: Final = frozenset({404})


class Asking(Protocol):
    """A forge's client, as far as it is needed here."""

    async def item(self, path: str, *, doing: str, absent: Collection[int] = ()) -> Any:  # noqa: ANN401 - JSON
        """Return a resource; None when it answers with a status of `absent`."""
        ...


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int = Field(gt=0)
    full_name: str
    default_branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository as its forge knows it now."""

    repository: Repository
    """With its number, and the path it has today."""
    number: int
    default_branch: str

    @property
    def place(self) -> str:
        """Where its resources are by name."""
        return _by_path(self.repository)


async def find(api: Asking, repository: Repository) -> Found:
    """Ask for a repository: by its number once that is known, by its path before.

    Raises:
        RemoteRefusedError: There is none, not for us, or another one.
        TransientError: The forge did not answer.
    """
    doing = f"look up {repository.url}"
    if repository.number is None:
        said = await api.item(_by_path(repository), doing=doing)
    else:
        path = f"/repositories/{repository.number}"
        said = await api.item(path, doing=doing, absent=_ABSENT)
        if said is None:
            said = await _by_name(api, repository)
    told = read(_Told, said, doing=doing)
    return Found(
        repository=here(repository, path=told.full_name, number=told.id),
        number=told.id,
        default_branch=told.default_branch,
    )


async def first_head(
    found: Found,
    revision: Revision,
    commit_of: Callable[[Found, Ref], Awaitable[CommitSha | None]],
) -> Head | RefGone:
    """Return the head of the first ref that carries a revision.

    Args:
        found: The repository.
        revision: A default branch, branch, tag or name; a pinned commit has no ref.
        commit_of: Returns the commit a ref stands for; None when there is none.
    """
    is_default = revision.kind is RevisionKind.DEFAULT
    default = Ref(f"refs/heads/{found.default_branch}")
    refs = (default,) if is_default else revision.refs
    for ref in (it for it in refs if is_ref(it)):
        commit = await commit_of(found, ref)
        if commit is not None:
            return Head(commit=commit, ref=ref, repository=found.repository)
    url = found.repository.url
    if is_default:
        return RefGone(message=f"{url} has no commits on a default branch yet.")
    names = " or ".join(it[:200] for it in refs)
    return RefGone(message=f"{url} has no {names!a}.")


async def _by_name(api: Asking, repository: Repository) -> object:
    """Tell a repository that is gone from one whose name somebody took.

    Raises:
        RemoteRefusedError: It is one of the two.
    """
    doing = f"look up {repository.url}"
    said: object = await api.item(_by_path(repository), doing=doing, absent=_ABSENT)
    if said is None:
        raise RemoteRefusedError(
            f"{repository.url} was deleted, or is private and not shown to us:"
            f" {repository.host} knows no number {repository.number} for it"
        )
    other = read(_Told, said, doing=doing)
    if other.id == repository.number:
        return said  # one of its machines did not know the number yet
    raise RemoteRefusedError(
        f"{repository.url} is another repository now, number {other.id}; the one that"
        f" was followed, number {repository.number}, is deleted or not shown to us",
        refusal=Refusal.REPLACED,
        number=other.id,
    )


def _by_path(repository: Repository) -> str:
    parts = repository.path.split("/")
    if len(parts) != 2 or any(it in {"", ".", ".."} for it in parts):  # noqa: PLR2004 - owner and name
        raise RemoteRefusedError(
            f"{repository.url} is no owner/name, as {repository.host} has them"
        )
    return f"/repos/{quoted(parts[0])}/{quoted(parts[1])}"
