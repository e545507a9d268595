"""Case 63: a forge that shows an old head after it told of a push."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from service.adapters.git.remote import GitRemote
from service.domain.evaluation.comparison import Comparison, RefMissing, Verdict
from service.domain.launcher import LauncherId
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.events.models import PushReceived, RepositoryData
from service.ports.remote import NO_READS, ExpectedReads, Remote, Tree
from tests.support.repos import Repo
from tests.support.world import World, a_world


class Lagging:
    """Implements the port `Remote`; shows what was there before, for some time."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._shown: Head | RefMissing | None = None
        self.asked = 0
        self.late = 0
        """How many more times an old head is shown."""

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        self.asked += 1
        if self._shown is None or self.late == 0:
            self._shown = await self._remote.head(
                repository, revision, expected=expected
            )
        else:
            self.late -= 1
        return self._shown

    def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AbstractAsyncContextManager[Tree]:
        return self._remote.tree(repository, commit, expected=expected)


@pytest.fixture
def remote() -> Lagging:
    return Lagging(GitRemote(environment={}, allow_files=True))


@pytest.fixture
async def world(tmp_path: Path, remote: Lagging) -> AsyncIterator[World]:
    async with a_world(tmp_path, remote=remote) as it:
        yield it


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n"})
    return repo


@pytest.fixture
async def launcher(world: World, repo: Repo) -> LauncherId:
    launcher = await world.follow(repo.repository)
    await world.settle()
    world.builder.succeed()
    await world.later(60)
    await world.later(60)
    return launcher


async def tell(world: World, repo: Repo, before: str, after: str) -> None:
    """Tell of a push, as the receiver does."""
    await world.publish(_pushed(world, repo, before, after))
    await world.settle()


async def looks(world: World, launcher: LauncherId) -> list[Comparison]:
    """Newest first."""
    return [evaluation.comparison for evaluation in await world.evaluations(launcher)]


async def test_case_63_a_forge_that_lags_is_asked_again_before_it_is_believed(
    world: World, repo: Repo, remote: Lagging, launcher: LauncherId
) -> None:
    old = repo.tip()
    seen = len(await looks(world, launcher))
    new = repo.commit({"requirements.txt": "six==1.17.0\n"})
    remote.late = 2

    await tell(world, repo, old, new)
    (first, *_) = await looks(world, launcher)
    for _ in range(6):
        await world.later(5)

    (last, *earlier) = await looks(world, launcher)
    between = earlier[: len(earlier) - seen]
    assert (first.verdict, first.reason) == (Verdict.UNKNOWN, "remote_lags")
    assert {comparison.reason for comparison in between} == {"remote_lags"}
    assert last.verdict is Verdict.CHANGED
    assert len(world.builder.running) == 1


async def test_case_63_a_push_that_never_shows_is_believed_for_a_minute(
    world: World, repo: Repo, remote: Lagging, launcher: LauncherId
) -> None:
    asked = remote.asked

    await tell(world, repo, repo.tip(), "5" * 40)
    for _ in range(40):
        await world.later(5)

    (last, *_) = await looks(world, launcher)
    assert (last.verdict, last.reason) == (Verdict.UNCHANGED, "same_commit")
    assert remote.asked - asked <= 8


async def test_case_63_a_forge_that_is_half_way_is_behind_too(
    world: World, repo: Repo, remote: Lagging, launcher: LauncherId
) -> None:
    first = repo.tip()
    second = repo.commit({"requirements.txt": "six==1.16.1\n"})
    remote.late = 0
    await remote.head(repo.repository, Revision.from_text(None))
    third = repo.commit({"requirements.txt": "six==1.17.0\n"})
    remote.late = 1

    # The forge shows the second commit when the pushes of both are known.
    await world.publish(_pushed(world, repo, second, third))
    await tell(world, repo, first, second)
    for _ in range(6):
        await world.later(5)

    (last, *_) = await looks(world, launcher)
    evaluations = await world.evaluations(launcher)
    assert last.verdict is Verdict.CHANGED
    assert evaluations[0].commit == third


async def test_case_63_a_late_word_of_an_old_push_waits_for_nothing(
    world: World, repo: Repo, launcher: LauncherId
) -> None:
    first = repo.tip()
    second = repo.commit({"README.md": "1"})
    third = repo.commit({"README.md": "2"})
    await tell(world, repo, second, third)
    await world.later(30)

    await tell(world, repo, first, second)

    (last, *_) = await looks(world, launcher)
    assert (last.verdict, last.reason) == (Verdict.UNCHANGED, "same_commit")


def _pushed(world: World, repo: Repo, before: str, after: str) -> PushReceived:
    return PushReceived(
        repository=RepositoryData.of(repo.repository),
        ref="refs/heads/main",
        before=before,
        after=after,
        default_branch="main",
        trigger="push",
        delivery_id=f"d-{world.ids.new()}",
        hook_id="hook-1",
        received_at=world.clock.now(),
    )
