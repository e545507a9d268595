"""What a look asks for, and what it makes of the answers."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pytest

from service.adapters.git.remote import GitRemote
from service.adapters.git.worktree import Folder
from service.definitions.known_readings import KnownReadings
from service.domain.definition import Definition, Entry, NoDefinition
from service.domain.evaluation.comparison import (
    HeadUnchanged,
    Observed,
    RefMissing,
    Verdict,
)
from service.domain.repository import BlobId, CommitSha, Repository
from service.domain.source import Head, Revision, Seen
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.ports.remote import NO_READS, ExpectedReads, Tree
from service.usecases.observe import observe, read_tree
from tests.support.following import Follower
from tests.support.repos import Link, Repo
from tests.support.sandbox import SANDBOX

MAIN = Revision.from_text("main")


@dataclass
class WatchedRemote:
    """A real remote that counts trees, and refuses them when told to."""

    git: GitRemote
    trees: int = 0
    trouble: ServiceError | None = None

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        return await self.git.head(repository, revision, expected=expected)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        self.trees += 1
        if self.trouble:
            raise self.trouble
        async with self.git.tree(repository, commit, expected=expected) as tree:
            yield tree


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def remote() -> WatchedRemote:
    return WatchedRemote(GitRemote(environment={}, allow_files=True))


async def _seen(repo: Repo) -> Seen:
    follower = Follower.of(repo, revision="main")
    await follower.look()
    assert follower.source.seen is not None
    return follower.source.seen


async def test_a_known_head_is_not_fetched_again(
    repo: Repo, remote: WatchedRemote
) -> None:
    commit = repo.commit({"requirements.txt": "numpy\n"})
    known = await _seen(repo)

    looked = await observe(
        remote, repo.repository, MAIN, "", sandbox=SANDBOX, known=known
    )

    assert isinstance(looked, HeadUnchanged)
    assert looked.head.commit == commit
    assert remote.trees == 0


async def test_a_known_head_is_looked_at_when_the_caller_wants_to_know(
    repo: Repo, remote: WatchedRemote
) -> None:
    repo.commit({"requirements.txt": "numpy\n"})

    looked = await observe(remote, repo.repository, MAIN, "", sandbox=SANDBOX)

    assert isinstance(looked, Observed)
    assert remote.trees == 1


async def test_other_rules_look_again_at_the_same_head(
    repo: Repo, remote: WatchedRemote
) -> None:
    repo.commit({"requirements.txt": "numpy\n"})
    known = replace(await _seen(repo), rules="0")

    assert isinstance(
        await observe(remote, repo.repository, MAIN, "", sandbox=SANDBOX, known=known),
        Observed,
    )


async def test_a_head_without_a_definition_is_looked_at_again(
    repo: Repo, remote: WatchedRemote
) -> None:
    repo.commit({"README.md": "x"})
    known = await _seen(repo)

    looked = await observe(
        remote, repo.repository, MAIN, "", sandbox=SANDBOX, known=known
    )

    assert isinstance(looked, Observed)
    assert isinstance(looked.found, NoDefinition)


async def test_a_commit_that_was_named_and_is_not_given_may_come_later(
    repo: Repo, remote: WatchedRemote
) -> None:
    repo.commit({"requirements.txt": "numpy\n"})
    remote.trouble = RemoteRefusedError("not our ref")

    with pytest.raises(TransientError, match="does not give it"):
        await observe(remote, repo.repository, MAIN, "", sandbox=SANDBOX)


async def test_a_pinned_commit_that_is_not_given_is_refused(
    repo: Repo, remote: WatchedRemote
) -> None:
    repo.commit({"requirements.txt": "numpy\n"})

    with pytest.raises(RemoteRefusedError):
        await observe(
            remote, repo.repository, Revision.from_text("5" * 40), "", sandbox=SANDBOX
        )


async def test_a_pinned_commit_never_changes(repo: Repo) -> None:
    pinned = repo.commit({"requirements.txt": "numpy\n"})
    follower = Follower.of(repo, revision=pinned)
    first = await follower.look()
    repo.commit({"requirements.txt": "pandas\n"})

    second = await follower.look()

    assert first.verdict is Verdict.INITIAL
    assert second.reason == "same_commit"


async def test_a_repository_of_the_longer_hash_is_followed(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo", hashing="sha256")
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "-r more.txt\n", "more.txt": "numpy\n"})
    first = await follower.look()
    repo.commit({"more.txt": "pandas\n"})

    second = await follower.look()

    assert [first.verdict, second.verdict] == [Verdict.INITIAL, Verdict.CHANGED]


async def test_a_folder_is_read_as_its_commit_would_be(
    repo: Repo, tmp_path: Path, remote: WatchedRemote
) -> None:
    commit = repo.commit(
        {
            "app/requirements.txt": Link("../env/list.txt"),
            "env/list.txt": "-r more.txt\nnumpy\n",
            "app/more.txt": "pandas\n",
        }
    )
    work = tmp_path / "work"
    work.mkdir()
    repo.git("--work-tree", str(work), "checkout", "-q", "-f", "main")

    here = await read_tree(Folder(work), "app", sandbox=SANDBOX)
    async with remote.tree(repo.repository, commit) as tree:
        there = await read_tree(tree, "app", sandbox=SANDBOX)

    assert isinstance(here, Definition)
    assert here == there


class Contents:
    """Requirements files of a MiB each; it counts how many are held at once."""

    COUNT = 30

    def __init__(self) -> None:
        self.held = self.most = 0

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        asked = frozenset(paths)
        names = {"requirements.txt", *map(str, range(self.COUNT))}
        return {
            path: Entry(mode="100644", oid=BlobId(f"{number:040x}"))
            for number, path in enumerate(sorted(names))
            if path in asked
        }

    async def listing(self, path: str, *, limit: int) -> None:
        del path, limit

    async def read(self, oid: BlobId, *, limit: int) -> bytes:
        includes = "".join(f"-r {number}\n" for number in range(self.COUNT))
        is_first = int(oid, 16) == self.COUNT
        return HeldContent(self, (includes if is_first else "#").encode().ljust(limit))


class HeldContent(bytes):
    """A content that is counted until nobody has it."""

    of: Contents

    def __new__(cls, of: Contents, raw: bytes) -> Self:
        made = super().__new__(cls, raw)
        made.of = of
        of.held += 1
        of.most = max(of.most, of.held)
        return made

    def __del__(self) -> None:
        self.of.held -= 1


async def test_the_files_of_a_definition_are_not_held_until_the_last_is_read() -> None:
    contents = Contents()

    found = await read_tree(contents, "", sandbox=SANDBOX, readings=KnownReadings())

    assert isinstance(found, Definition)
    assert len(found.items) > Contents.COUNT
    assert contents.most <= 2
