"""Describe a push, for whoever writes it in a forge's format.

`relaunch push` and the tests speak for a forge with it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.repository import Ref, Repository

__all__ = [
    "CommitFacts",
    "PushFacts",
    "first_paths",
    "new_names",
    "repository_number",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFacts:
    """One commit, with the paths that differ from its first parent."""

    id: str
    tree: str
    message: str
    at: datetime
    author_name: str
    author_email: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """Old and new path. GitHub lists both, GitLab only the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFacts:
    """A ref that moved."""

    repository: Repository
    """Without a number, one is made of its URL."""
    ref: Ref
    before: str
    """What the ref held; zeros when it is new."""
    after: str
    """What it holds now: a commit, a tag object, or zeros when it is gone."""
    head: CommitFacts | None
    """The commit it stands for now; None when it is gone."""
    commits: Sequence[CommitFacts] = ()
    """New on this ref, oldest first."""
    default_branch: str = "main"
    base_ref: Ref | None = None
    """Another ref that held the commit already."""
    is_forced: bool = False
    pusher: str = "relaunch"


def repository_number(repository: Repository) -> int:
    """Return the forge's number, or a stable one for a repository without a forge."""
    if repository.number is not None:
        return repository.number
    digest = hashlib.sha256(repository.url.encode("utf-8", "surrogatepass")).digest()
    # 52 bits, and never zero: every JSON reader holds it exactly.
    return int.from_bytes(digest[:8]) >> 12 or 1


def new_names(commit: CommitFacts) -> tuple[str, ...]:
    """Return where renamed files are now."""
    return tuple(new for _, new in commit.renamed)


def first_paths(limit: int, paths: Iterable[str]) -> list[str]:
    """Return as many paths as a forge lists."""
    return list(paths)[:limit]
