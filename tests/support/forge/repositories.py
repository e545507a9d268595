"""The repositories that the forge hosts, under numbers that never change."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.domain.repository import CommitSha, Repository
from tests.support.forge import reading
from tests.support.repos import Content, Repo

Publish = Callable[["HostedRepo", Sequence[str]], Awaitable[None]]
"""Runs a real `git push` of some refspecs."""


@dataclass(slots=True, kw_only=True, eq=False)
class HostedRepo:
    """A repository on the forge, and a clone of it that tests push from."""

    number: int
    path: str
    """`owner/name` now."""
    bare: Repo
    """What the forge serves."""
    work: Repo
    """The clone: its `commit`, `tag`, `point` and `delete` change nothing at the
    forge until they are pushed."""
    forge_url: str
    created_at: datetime
    publish: Publish
    replica: Repo | None = None
    """What the API still shows while it lags behind; see `Forge.freeze`."""
    hashing: str = "sha1"
    visibility: str = "public"
    """`public`, `internal` (GitLab) or `private`."""
    code_for: str = "enabled"
    """GitLab's `repository_access_level`: `private` for members alone."""
    is_archived: bool = False
    former_paths: set[str] = field(default_factory=set)
    """Redirect here, unless another repository took one of them."""
    statuses: list[dict[str, Any]] = field(default_factory=list)
    """What was said of its commits, oldest first, as the vendor's API tells it."""

    @property
    def url(self) -> str:
        """The clone URL."""
        return f"{self.forge_url}/{self.path}.git"

    @property
    def repository(self) -> Repository:
        return Repository.from_url(self.url, number=self.number)

    @property
    def owner(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def default_branch(self) -> str:
        return reading.default_branch(self.bare)

    @property
    def served(self) -> Repo:
        """What the API answers out of."""
        return self.replica or self.bare

    @property
    def is_empty(self) -> bool:
        return not reading.refs(self.served)

    def tip(self, branch: str = "main") -> str:
        """Return what the forge has on a branch; nothing when it is not there."""
        return self.bare.tip(f"refs/heads/{branch}")

    def shown_tip(self, branch: str) -> str:
        """Return what the API shows of a branch; nothing when it is not there."""
        return self.served.tip(f"refs/heads/{branch}")

    async def push(
        self,
        files: Mapping[str, Content],
        *,
        branch: str = "main",
        parents: Sequence[str] | None = None,
        force: bool = False,
        clear: bool = False,
        message: str = "a change",
    ) -> CommitSha:
        """Commit to a branch and push it over HTTP, as a person does.

        A new branch starts at the default branch; `parents` says otherwise: none for
        an orphan, an older commit for a push that must be forced.

        Returns when git does; the deliveries that follow are waited for with
        `await forge.settled()`.
        """
        start = self.work.tip(f"refs/heads/{self.default_branch}")
        if parents is None and start and not self.work.tip(f"refs/heads/{branch}"):
            parents = [start]
        commit = self.work.commit(
            files, branch=branch, parents=parents, clear=clear, message=message
        )
        ref = f"refs/heads/{branch}"
        await self.push_refs(f"{ref}:{ref}", force=force)
        return commit

    async def push_refs(self, *refspecs: str, force: bool = False) -> None:
        """Push some refs of the clone in one `git push`; `:ref` deletes one."""
        mark = "+" if force else ""
        named = (
            refspec if ":" in refspec else f"{refspec}:{refspec}"
            for refspec in refspecs
        )
        await self.publish(self, [f"{mark}{text}" for text in named])

    def make_default(self, branch: str) -> None:
        """Change the default branch in the forge's settings."""
        self.bare.make_default(branch)


class Shelf:
    """All repositories, by number and by name."""

    def __init__(self) -> None:
        self._by_number: dict[int, HostedRepo] = {}

    def __iter__(self) -> Iterator[HostedRepo]:
        return iter(self._by_number.values())

    def add(self, repo: HostedRepo) -> None:
        assert self.named(repo.path) is None, f"{repo.path} is taken"
        self._by_number[repo.number] = repo

    def remove(self, repo: HostedRepo) -> None:
        del self._by_number[repo.number]

    def numbered(self, number: int) -> HostedRepo | None:
        return self._by_number.get(number)

    def named(self, path: str) -> HostedRepo | None:
        """Return the repository that has a name now, in whatever case."""
        folded = path.casefold()
        return next((repo for repo in self if repo.path.casefold() == folded), None)

    def formerly(self, path: str) -> HostedRepo | None:
        """Return the one that last left a name which nobody has taken."""
        folded = path.casefold()
        left = (repo for repo in self if folded in repo.former_paths)
        return None if self.named(path) else next(left, None)

    def rename(self, repo: HostedRepo, path: str) -> None:
        assert self.named(path) in {None, repo}, f"{path} is taken"
        old = repo.path.casefold()
        for other in self:
            other.former_paths -= {old, path.casefold()}
        repo.former_paths.add(old)
        repo.path = path
