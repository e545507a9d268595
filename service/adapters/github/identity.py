"""Which repository a number or a name stands for at GitHub today."""

from dataclasses import dataclass
from typing import Final

from service.adapters.forge_api.account import here
from service.adapters.forge_api.names import quoted
from service.adapters.github.api import GitHubApi
from service.adapters.github.shapes import RepositoryTold, as_shape
from service.domain.repository import Repository
from service.errors import Refusal, RemoteRefusedError

__all__ = ["Found", "find"]

_ABSENT: Final = frozenset({404})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository as GitHub knows it now."""

    repository: Repository
    """With its number, and the path it has today."""
    number: int
    default_branch: str


async def find(api: GitHubApi, repository: Repository) -> Found:
    """Ask for a repository: by its number once that is known, by its path before.

    A renamed or transferred repository has its old number; `/repositories/{number}`
    is where GitHub's own redirects from old names lead. One that took an old name
    has another number and is another repository.

    Raises:
        RemoteRefusedError: There is none, not for us, or another one.
        TransientError: GitHub did not answer.
    """
    doing = f"look up {repository.url}"
    if repository.number is None:
        said = await api.item(_by_path(repository), doing=doing)
    else:
        path = f"/repositories/{repository.number}"
        said = await api.item(path, doing=doing, absent=_ABSENT)
        if said is None:
            raise await _why_gone(api, repository)
    told = as_shape(RepositoryTold, said, doing=doing)
    return Found(
        repository=here(repository, path=told.full_name, number=told.id),
        number=told.id,
        default_branch=told.default_branch,
    )


async def _why_gone(api: GitHubApi, repository: Repository) -> RemoteRefusedError:
    """Tell a repository that is gone from one whose name somebody took."""
    doing = f"look up {repository.url}"
    said = await api.item(_by_path(repository), doing=doing, absent=_ABSENT)
    if said is None:
        return RemoteRefusedError(
            f"{repository.url} was deleted, or is private and not shown to this token:"
            f" GitHub knows no number {repository.number} for it"
        )
    other = as_shape(RepositoryTold, said, doing=doing)
    return RemoteRefusedError(
        f"{repository.url} is another repository now, number {other.id}; the one that"
        f" was followed, number {repository.number}, is deleted or not shown to us",
        refusal=Refusal.REPLACED,
    )


def _by_path(repository: Repository) -> str:
    parts = repository.path.split("/")
    if len(parts) != 2 or any(it in {"", ".", ".."} for it in parts):  # noqa: PLR2004 - owner and name
        raise RemoteRefusedError(
            f"{repository.url} is no owner/name, as GitHub has them"
        )
    return f"/repos/{quoted(parts[0])}/{quoted(parts[1])}"
