"""What an evaluation decides, from a push to its verdict."""

import asyncio
from datetime import timedelta
from pathlib import Path

from service.adapters.store import SqlStore
from service.domain.building.build import BuildState
from service.domain.building.failure import FailureClass
from service.domain.evaluation.comparison import Verdict
from service.domain.evaluation.queue import EvaluationRequest
from service.domain.launcher import LauncherId
from service.domain.push import Trigger
from service.domain.source import SourceId
from tests.consumers.steps import built, pushed, verdict
from tests.support.databases import sqlite_database
from tests.support.memory import BreakableStore
from tests.support.outages import AwayRemote
from tests.support.repos import Repo
from tests.support.world import DEBOUNCE, World, a_world, a_world_over


async def test_a_readme_edit_costs_nothing(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    image = await built(world)

    await pushed(world, repo, README_md="A better course\n")

    assert await verdict(world, launcher) is Verdict.UNCHANGED
    assert len(world.builder.started) == 1
    assert (await world.launcher(launcher)).image == image


async def test_a_comment_costs_nothing_and_says_so(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)

    await pushed(world, repo, requirements_txt="# why\nsix==1.16.0\n")

    assert await verdict(world, launcher) is Verdict.COSMETIC
    assert len(world.builder.started) == 1


async def test_a_look_that_was_faster_than_the_one_asked_for_answers_the_wish(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.tell(repo.repository)
    await world.evaluator.process_one()

    await built(world)

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.trigger is Trigger.LAUNCHER
    assert rebuild.state is BuildState.SUCCEEDED


async def test_another_builder_version_rebuilds_at_the_next_look(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    world.builder.version = "told/2"

    await world.later(10)
    await world.push(repo.repository)
    await world.settle()

    assert len(world.builder.running) == 1
    assert await verdict(world, launcher) is Verdict.UNCHANGED


async def test_a_repository_without_a_definition_says_what_was_looked_for(
    world: World, repo: Repo
) -> None:
    empty = Repo(repo.path.with_name("empty.git"))
    empty.commit({"README.md": "Nothing to install\n"})
    launcher = await world.follow(empty.repository)

    await world.settle()

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.failure is not None
    assert rebuild.failure.kind is FailureClass.NO_DEFINITION
    assert "requirements.txt" in rebuild.failure.message


async def test_a_repository_that_is_not_there_fails_what_people_wait_for(
    world: World, repo: Repo
) -> None:
    gone = Repo(repo.path.with_name("gone.git"))
    gone.commit({"requirements.txt": "six\n"})
    repository = gone.repository
    gone.path.rename(gone.path.with_name("moved.git"))

    launcher = await world.follow(repository)
    await world.settle()

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.failure is not None
    assert rebuild.failure.kind is FailureClass.CLONE_FAILED
    assert await verdict(world, launcher) is Verdict.UNKNOWN


async def test_a_deleted_branch_keeps_the_image_and_may_come_back(
    world: World, repo: Repo
) -> None:
    repo.commit({"requirements.txt": "six==1.16.0\n"}, branch="work")
    launcher = await world.follow(repo.repository, revision="refs/heads/work")
    image = await built(world)
    repo.delete("refs/heads/work")

    await world.later(10)
    await world.push(repo.repository, "refs/heads/work")
    await world.settle()
    gone = await verdict(world, launcher)
    repo.commit({"requirements.txt": "six==1.16.0\n"}, branch="work", parents=[])
    await world.later(10)
    await world.push(repo.repository, "refs/heads/work")
    await world.settle()

    assert gone is Verdict.REF_GONE
    assert await verdict(world, launcher) is Verdict.UNCHANGED
    assert (await world.launcher(launcher)).image == image


async def test_a_definition_that_is_too_complex_is_judged_once_and_for_all(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    image = await built(world)
    bomb = "x0: &x0 {a: b}\n" + "".join(
        f"x{number}: &x{number} {{<<: [*x{number - 1}, *x{number - 1}]}}\n"
        for number in range(1, 25)
    )
    await pushed(world, repo, requirements_txt=None, environment_yml=bomb)

    [newest, *_] = seen = await world.evaluations(launcher)
    assert newest.comparison.reason == "definition_too_complex"
    assert [finding.code for finding in newest.findings] == ["definition_too_complex"]
    assert (await world.launcher(launcher)).image == image

    # Nobody looks again by themselves, and what mends it is seen.
    await world.later(3600)
    assert len(await world.evaluations(launcher)) == len(seen)
    repo.commit({"environment.yml": None, "requirements.txt": "six==1.16.0\n"})
    await world.push(repo.repository)
    await world.settle()
    assert await verdict(world, launcher) is Verdict.INITIAL
    assert (await world.launcher(launcher)).image == image


async def test_what_waits_for_the_database_in_vain_tries_less_often(
    tmp_path: Path,
) -> None:
    async with sqlite_database(tmp_path / "relaunch.db") as database:
        store = BreakableStore(SqlStore(database))
        world = a_world_over(store)
        request = EvaluationRequest(
            source_id=SourceId("source-1"),
            trigger=Trigger.PUSH,
            requested_at=world.clock.now(),
        )
        async with store.transaction() as tx:
            await tx.evaluation_queue.enqueue(request, debounce=DEBOUNCE)
        store.is_read_broken = True

        async with asyncio.TaskGroup() as group:
            trying = group.create_task(world.evaluator.process_one())
            for _ in range(30):
                await world.clock.until_asleep()
                world.clock.advance(timedelta(seconds=1))
            trying.cancel()

    # After 0, 1, 3, 7 and 15 seconds.
    assert store.reads == 5


async def test_a_source_that_nobody_had_time_to_ask_about_has_no_failure(
    tmp_path: Path, repo: Repo
) -> None:
    remote = AwayRemote(environment={}, allow_files=True)
    async with a_world(tmp_path, remote=remote) as world:
        launcher = await world.follow(repo.repository)
        await built(world)
        seen = len(await world.evaluations(launcher))
        remote.is_busy = True
        await pushed(world, repo, requirements_txt="six==1.17.0\n")
        for _ in range(5):
            await world.later(10)
        assert len(await world.evaluations(launcher)) == seen
        remote.is_busy = False

        # No back-off has grown meanwhile.
        await world.later(5)

        assert len(await world.evaluations(launcher)) == seen + 1
        assert await verdict(world, launcher) is Verdict.CHANGED


async def test_a_long_outage_is_counted_at_every_try(
    tmp_path: Path, repo: Repo
) -> None:
    remote = AwayRemote(environment={}, allow_files=True)
    async with a_world(tmp_path, remote=remote) as world:
        launcher = await world.follow(repo.repository)
        await built(world)
        remote.is_away = True
        await pushed(world, repo, requirements_txt="six==1.17.0\n")

        for _ in range(5):
            await world.later(600)
        recorded = await unknown_in(world, launcher)
        counted = counted_in_vain(world)
        for _ in range(10):
            await world.later(600)

        assert counted_in_vain(world) >= counted + 10
        assert await unknown_in(world, launcher) < recorded + 3


async def unknown_in(world: World, launcher: LauncherId) -> int:
    evaluations = await world.evaluations(launcher)
    return sum(one.comparison.verdict is Verdict.UNKNOWN for one in evaluations)


def counted_in_vain(world: World) -> float:
    name, labels = "relaunch_evaluations_total", {"verdict": "unknown"}
    return sum(
        sample.value
        for metric in world.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
