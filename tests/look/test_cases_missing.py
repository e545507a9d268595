"""Cases in which what a forge says is missing, cut, late or about somebody else.

Numbers are those of docs/cases.md.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.loops.wakeup import Wakeup
from consumers.sweep import Sweep
from service.adapters.git.remote import GitRemote
from service.domain.evaluation.comparison import Comparison, RefMissing, Verdict
from service.domain.evaluation.sweep import PollPolicy
from service.domain.launcher import LauncherId
from service.domain.push import Trigger
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import TransientError
from service.ports.remote import NO_READS, ExpectedReads, Remote, Tree
from tests.support.repos import Repo
from tests.support.ways import WAYS, MetByApi, MetByHttp, met
from tests.support.world import ANONYMOUS, DEBOUNCE, World, a_world

Interruption = Callable[[], Awaitable[None]]


class Interrupted:
    """Implements the port `Remote`; something happens during the next look."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self.next: Interruption | None = None

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        head = await self._remote.head(repository, revision, expected=expected)
        happens, self.next = self.next, None
        if happens is not None:
            await happens()
        return head

    def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AbstractAsyncContextManager[Tree]:
        return self._remote.tree(repository, commit, expected=expected)


BY_GIT_ALONE = ("66", "67", "68", "69", "70", "71", "73")
"""Cases of repositories that move away; `test_cases_of_identity` has those of APIs."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Meet the repository in every way that it can be met."""
    if "repo" in metafunc.fixturenames:
        is_alone = metafunc.function.__name__.split("_")[2] in BY_GIT_ALONE
        ways = ("git",) if is_alone else WAYS
        metafunc.parametrize("repo", ways, indirect=True)


@pytest.fixture
def remote(repo: Repo) -> Interrupted:
    if isinstance(repo, MetByApi | MetByHttp):
        return Interrupted(repo.remote)
    return Interrupted(GitRemote(environment={}, allow_files=True))


@pytest.fixture
async def world(tmp_path: Path, remote: Interrupted) -> AsyncIterator[World]:
    async with a_world(tmp_path, remote=remote) as it:
        yield it


@pytest.fixture
async def repo(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Repo]:
    async with met(tmp_path, request.param) as repo:
        repo.commit({"requirements.txt": "six==1.16.0\n"})
        yield repo


async def built(world: World, repository: Repository) -> LauncherId:
    launcher = await world.follow(repository)
    await world.settle()
    world.builder.succeed()
    await world.settle()
    # A new source is looked at once more, when every receiver knows of it.
    await world.later(10)
    await world.later(10)
    return launcher


async def looks(world: World, launcher: LauncherId) -> list[Comparison]:
    """Newest first."""
    return [evaluation.comparison for evaluation in await world.evaluations(launcher)]


async def verdict(world: World, launcher: LauncherId) -> Verdict:
    return (await looks(world, launcher))[0].verdict


async def sweep(world: World) -> None:
    """Let an interval pass, without any delivery, and the sweep that ends it."""
    poll_policy = PollPolicy()
    sweeper = Sweep(
        store=world.store,
        heads=GitRemote(environment={}, allow_files=True),
        anonymous_heads=ANONYMOUS,
        clock=world.clock,
        poll_policy=poll_policy,
        per_hour=2000,
        debounce=DEBOUNCE,
        wakeup=Wakeup(clock=world.clock),
        chance=lambda: 0.5,
    )
    await sweeper.round()
    world.clock.advance(poll_policy.first)
    async with asyncio.TaskGroup() as group:
        sweeping = group.create_task(sweeper.round())
        while not sweeping.done():
            world.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0.01)
    await world.settle()


async def test_case_45_a_push_of_three_thousand_commits_is_one_comparison(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, repo.repository)
    before = len(await looks(world, launcher))
    commits = [
        f"commit refs/heads/main\ncommitter A <a@x> {n} +0000\ndata 1\nx\n"
        + ("from refs/heads/main^0\n" if n == 1 else "")
        + f"M 100644 inline requirements.txt\ndata <<.\nsix==1.{n % 17}.0\n.\n\n"
        for n in range(1, 3001)
    ]
    repo.git("fast-import", "--quiet", stdin="".join(commits).encode())

    await world.push(repo.repository)
    await world.settle()

    (last, *earlier) = await looks(world, launcher)
    assert last.verdict is Verdict.CHANGED
    assert len(earlier) == before


async def test_case_46_a_commit_of_three_thousand_files_hides_nothing(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, repo.repository)
    vendored = {f"third_party/{n}.py": f"{n}\n" for n in range(3100)}
    repo.commit(vendored | {"requirements.txt": "six==1.17.0\n"})

    await world.push(repo.repository)
    await world.settle()

    (last, *_) = await looks(world, launcher)
    assert (last.verdict, last.changed) == (Verdict.CHANGED, ("requirements.txt",))


async def test_case_47_a_push_that_is_too_large_to_be_told_is_found_by_the_sweep(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, repo.repository)
    repo.commit({"requirements.txt": "six==1.17.0\n"})

    await sweep(world)

    (last, *_) = await world.evaluations(launcher)
    assert last.comparison.verdict is Verdict.CHANGED
    assert last.trigger is Trigger.SWEEP


async def test_case_48_of_many_branches_in_one_push_each_is_found_by_the_sweep(
    world: World, repo: Repo
) -> None:
    branches = [f"work-{n}" for n in range(5)]
    launchers = []
    for branch in branches:
        repo.commit({"requirements.txt": f"six # {branch}\n"}, branch=branch)
        launchers.append(
            await world.follow(repo.repository, revision=f"refs/heads/{branch}")
        )
    await world.settle()
    for branch in branches:
        repo.commit({"requirements.txt": f"six==1.{branch[-1]}\n"}, branch=branch)

    await sweep(world)
    await world.later(60)

    assert {await verdict(world, launcher) for launcher in launchers} == {
        Verdict.CHANGED
    }


async def test_case_50_a_root_of_two_thousand_names_is_read_whole(
    world: World, repo: Repo
) -> None:
    """Listings of forges are cut at a thousand; a tree of git never is."""
    repo.commit({f"a{n:04}.txt": "" for n in range(2000)})
    launcher = await built(world, repo.repository)

    (*_, first) = await looks(world, launcher)
    assert (first.verdict, first.changed) == (Verdict.INITIAL, ("requirements.txt",))


async def test_case_56_a_push_during_an_evaluation_has_one_of_its_own(
    world: World, repo: Repo, remote: Interrupted
) -> None:
    launcher = await built(world, repo.repository)
    repo.commit({"requirements.txt": "six==1.15.0\n"})

    async def push() -> None:
        repo.commit({"requirements.txt": "six==1.14.0\n"})
        await world.tell(repo.repository)

    remote.next = push
    await world.push(repo.repository)
    await world.settle()
    await world.later(10)

    (last, before, *_) = await world.evaluations(launcher)
    assert last.commit == repo.tip()
    assert last.comparison.verdict is Verdict.CHANGED
    assert before.comparison.verdict is Verdict.CHANGED


async def test_case_62_a_forge_that_fails_is_asked_again_and_nothing_is_unchanged(
    world: World, repo: Repo, remote: Interrupted
) -> None:
    launcher = await built(world, repo.repository)
    before = len(await looks(world, launcher))
    repo.commit({"requirements.txt": "six==1.17.0\n"})

    async def fail() -> None:
        raise TransientError("429: too many requests", retry_after=timedelta(minutes=2))

    remote.next = fail
    await world.push(repo.repository)
    await world.settle()
    first = await verdict(world, launcher)
    await world.later(30)
    too_early = len(await looks(world, launcher))
    await world.later(100)

    assert first is Verdict.UNKNOWN
    assert too_early == before + 1
    assert await verdict(world, launcher) is Verdict.CHANGED


async def test_case_64_a_day_without_a_receiver_is_made_good_by_one_sweep(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, repo.repository)
    for minor in (13, 14, 15):
        repo.commit({"requirements.txt": f"six==1.{minor}.0\n"})
        world.clock.advance(timedelta(hours=8))

    await sweep(world)

    assert await verdict(world, launcher) is Verdict.CHANGED
    assert len(world.builder.running) == 1


async def test_case_65_other_rules_are_a_new_beginning_and_no_change_of_the_user(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, repo.repository)
    async with world.store.transaction() as tx:
        source = await tx.sources.get((await world.launcher(launcher)).tracked_source)
        assert source.seen is not None
        await tx.sources.save_all(
            [replace(source, seen=replace(source.seen, rules="0"))]
        )
    repo.commit({"README.md": "An edit\n"})

    await world.push(repo.repository)
    await world.settle()

    (last, *_) = await looks(world, launcher)
    assert (last.verdict, last.reason) == (Verdict.INITIAL, "rules_changed")


@pytest.mark.parametrize("path", ["ada/new-name", "grace/course"])
async def test_case_66_a_renamed_or_transferred_repository_is_the_same(
    world: World, repo: Repo, path: str
) -> None:
    repository = replace(repo.repository, number=7)
    launcher = await built(world, repository)
    repo.commit({"requirements.txt": "six==1.17.0\n"})

    await world.push(replace(repository, path=path))
    await world.settle()

    assert await verdict(world, launcher) is Verdict.CHANGED


async def test_case_67_a_repository_that_took_the_name_moves_nobody(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, replace(repo.repository, number=7))
    before = len(await looks(world, launcher))

    await world.push(replace(repo.repository, number=8))
    await world.settle()

    assert len(await looks(world, launcher)) == before


async def test_case_68_the_same_number_on_another_host_is_another_repository(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, replace(repo.repository, number=7))
    before = len(await looks(world, launcher))

    await world.push(replace(repo.repository, number=7, host="git.example"))
    await world.settle()

    assert len(await looks(world, launcher)) == before


async def test_case_69_a_repository_that_is_closed_to_us_is_unknown_until_it_opens(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, repo.repository)
    image = (await world.launcher(launcher)).image
    away = repo.path.with_name("private.git")
    repo.path.rename(away)

    await world.push(repo.repository)
    await world.settle()
    closed = await verdict(world, launcher)
    kept = (await world.launcher(launcher)).image
    away.rename(repo.path)
    await sweep(world)

    assert closed is Verdict.UNKNOWN
    assert kept == image
    assert await verdict(world, launcher) is Verdict.UNCHANGED


async def test_case_70_a_repository_that_is_gone_costs_ever_fewer_looks(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, repo.repository)
    image = (await world.launcher(launcher)).image
    repo.path.rename(repo.path.with_name("deleted.git"))
    await world.push(repo.repository)

    for _ in range(120):
        await world.later(30)

    assert len(await looks(world, launcher)) <= 30
    assert (await world.launcher(launcher)).image == image


async def test_case_71_a_repository_made_again_under_its_name_is_not_the_old_one(
    world: World, repo: Repo
) -> None:
    launcher = await built(world, replace(repo.repository, number=7))
    before = len(await looks(world, launcher))
    repo.commit({"requirements.txt": "six==1.17.0\n"}, parents=[], clear=True)

    await world.push(replace(repo.repository, number=9))
    await world.settle()

    assert len(await looks(world, launcher)) == before
    assert world.builder.running == []


async def test_case_73_a_mirror_that_tells_nobody_is_found_by_the_sweep(
    world: World, repo: Repo, tmp_path: Path
) -> None:
    mirror = Repo(tmp_path / "mirror.git")
    mirror.git("fetch", "-q", repo.url, "+refs/*:refs/*")
    launcher = await built(world, mirror.repository)
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    mirror.git("fetch", "-q", repo.url, "+refs/*:refs/*")

    await sweep(world)

    assert await verdict(world, launcher) is Verdict.CHANGED


@pytest.mark.parametrize("message", ["[skip ci] pin", "[ci skip]", "", "\u202e\x1b[2J"])
async def test_case_90_what_a_commit_message_says_decides_nothing(
    world: World, repo: Repo, message: str
) -> None:
    launcher = await built(world, repo.repository)
    repo.commit({"requirements.txt": "six==1.17.0\n"}, message=message)

    await world.push(repo.repository)
    await world.settle()

    assert await verdict(world, launcher) is Verdict.CHANGED
