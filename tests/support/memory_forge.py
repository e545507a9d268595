"""A forge in memory, whose repositories are renamed, deleted and made anew.

It answers as the port `Remote` promises, with the trees that the readings are tested
with. Who a repository is follows the real ones: the number stays when it is renamed, a
former name leads to the present one until another repository takes it, and a number
that is gone is refused with the number that has its name now
(`service/adapters/forge_api/repository_identity.py`, with its sources).
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from service.domain.definition import ABSENT, Entry
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import BlobId, CommitSha, Ref, Repository
from service.domain.source import Head, Revision
from service.errors import Refusal, RemoteRefusedError, TransientError
from service.ports.remote import NO_READS, ExpectedReads, Tree
from tests.definitions.tree import Commit

__all__ = ["ForgeRepository", "MemoryForge"]

MAIN: Final = Ref("refs/heads/main")


@dataclass
class ForgeRepository:
    """A repository, whatever it is called now."""

    name: Repository
    """Its present path and number."""
    numbers: list[int]
    """All that it has had: one more whenever it was deleted and made anew."""
    head: CommitSha | None = None
    history: list[CommitSha] = field(default_factory=list)
    branch: Ref = MAIN
    """The default branch."""


class MemoryForge:
    """Implements `Remote` and `Heads`.

    Args:
        names: What its repositories are called at first.
    """

    def __init__(self, names: Iterable[Repository]) -> None:
        self.is_away = False
        self.is_refusing = False
        self.commits: dict[CommitSha, Commit] = {}
        self.repositories = [
            ForgeRepository(name=replace(name, number=number), numbers=[number])
            for number, name in enumerate(names, start=1)
        ]
        self._former = dict[str, ForgeRepository]()
        """Who had a path before."""

    def commit(self, repository: ForgeRepository, files: Mapping[str, str]) -> None:
        sha = CommitSha(f"{len(self.commits):040x}")
        self.commits[sha] = Commit(files)
        repository.head = sha
        repository.history.append(sha)

    def rename(self, repository: ForgeRepository, path: str) -> None:
        """Give a repository another path; one that is taken is refused."""
        if any(other.name.path == path for other in self.repositories):
            return
        old = repository.name
        self._former[old.path] = repository
        self._former.pop(path, None)
        url = old.url.removesuffix(old.path) + path
        repository.name = replace(old, path=path, url=url)

    def recreate(self, repository: ForgeRepository) -> None:
        """Delete a repository, and make one of its name; former names end with it."""
        number = 1 + sum(len(other.numbers) for other in self.repositories)
        repository.numbers.append(number)
        repository.name = replace(repository.name, number=number)
        for path, other in list(self._former.items()):
            if other is repository:
                del self._former[path]

    def find(self, asked: Repository) -> ForgeRepository:
        """Return the repository that is meant.

        Raises:
            RemoteRefusedError: There is none, or another one has its name now.
        """
        for repository in self.repositories:
            if repository.name.number == asked.number:
                return repository
        named = {each.name.path: each for each in self.repositories}
        found = named.get(asked.path) or self._former.get(asked.path)
        if found is None:
            raise RemoteRefusedError("the forge says that there is none")
        if asked.number is not None:
            raise RemoteRefusedError(
                "another repository has its name",
                refusal=Refusal.REPLACED,
                number=found.name.number,
            )
        return found

    def head_now(self, asked: Repository) -> Head | RefMissing:
        repository = self.find(asked)
        if repository.head is None:
            return RefMissing(message="the branch is gone")
        return Head(
            commit=repository.head,
            ref=repository.branch,
            repository=repository.name,
            is_private=False,
        )

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        del expected
        return (await self.heads(repository, [revision]))[revision]

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        self._answer()
        return dict.fromkeys(revisions, self.head_now(repository))

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        del expected
        del repository  # commits are everybody's
        self._answer()
        yield MemoryTree(self.commits[commit])

    def _answer(self) -> None:
        if self.is_away:
            raise TransientError("the forge does not answer")
        if self.is_refusing:
            raise RemoteRefusedError("the forge says that there is none")


@dataclass
class MemoryTree:
    commit: Commit

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        nothing = Entry(mode=ABSENT, oid=BlobId(""))
        return {path: self.commit.entries.get(path, nothing) for path in paths}

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        return self.commit.list_directory(path, limit=limit)

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        raw = self.commit.contents[oid]
        return raw if len(raw) <= limit else None
