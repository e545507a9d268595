"""Automatic work, paused in a project or everywhere."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain.building.build import BuildState
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.building.waiting import Limits, Obstacle
from service.domain.rights.caller import ProjectId, UserId
from service.usecases.updates.pauses import PauseEditor
from service.usecases.wait_forecast import ForecastContext, explain_wait
from tests.support.repos import Repo
from tests.support.world import World, a_world

CAPS = ConcurrencyLimits(in_all=1, per_project=1)
MINE = ProjectId("project-1")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path, caps=CAPS) as opened:
        yield opened


@pytest.fixture
def pauses(world: World) -> PauseEditor:
    return PauseEditor(store=world.store, clock=world.clock)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "course.git")
    made.commit({"requirements.txt": "six==1.15.0\n"})
    return made


async def finish(world: World) -> None:
    await world.settle()
    world.builder.succeed()
    await world.settle()


async def push(world: World, repo: Repo) -> None:
    repo.commit({"requirements.txt": "six==1.16.0\n"})
    await world.push(repo.repository)
    await world.later(5)


@pytest.mark.parametrize("scope", [None, MINE])
async def test_a_push_is_evaluated_and_built_once_the_pause_is_over(
    world: World, repo: Repo, pauses: PauseEditor, scope: ProjectId | None
) -> None:
    launcher = await world.follow(repo.repository)
    await finish(world)
    await pauses.pause(scope, reason="the cluster is moved")

    await push(world, repo)
    await world.later(3600)
    waiting = await world.launcher(launcher)
    started = len(world.builder.started)
    assert await pauses.resume(scope)
    await world.later(5)
    await finish(world)

    assert started == 1
    assert waiting.wanted_key != waiting.image_key
    assert (await world.launcher(launcher)).image_key == waiting.wanted_key
    assert not await pauses.resume(scope)


async def test_another_project_goes_on(
    world: World, repo: Repo, pauses: PauseEditor
) -> None:
    launcher = await world.follow(repo.repository)
    await finish(world)
    await pauses.pause(ProjectId("project-2"))

    await push(world, repo)
    await finish(world)

    moved = await world.launcher(launcher)
    assert moved.image_key == moved.wanted_key
    assert await pauses.find(MINE) is None


async def test_what_people_ask_for_is_built_during_a_pause(
    world: World, repo: Repo, pauses: PauseEditor
) -> None:
    await pauses.pause()

    launcher = await world.follow(repo.repository)
    await finish(world)
    await world.request_rebuild(launcher)
    await finish(world)

    assert len(world.builder.started) == 2
    assert {rebuild.state for rebuild in await world.rebuilds(launcher)} == {
        BuildState.SUCCEEDED
    }


async def test_a_queued_build_that_nobody_waits_for_says_that_it_waits_for_the_pause(
    world: World, repo: Repo, pauses: PauseEditor, tmp_path: Path
) -> None:
    launcher = await world.follow(repo.repository)
    await finish(world)
    busy = Repo(tmp_path / "busy.git")
    busy.commit({"requirements.txt": "rich==14.0.0\n"})
    await world.follow(busy.repository, name="busy")
    await world.settle()  # takes the only slot
    await push(world, repo)
    await pauses.pause(MINE, by=UserId("ada"), reason="an exam")

    await finish(world)
    await world.later(5)
    newest, *_ = await world.rebuilds(launcher)
    context = ForecastContext(
        now=world.clock.now(),
        limits=Limits(caps=CAPS, attempts=3),
        builder=world.builder,
    )
    async with world.store.reading() as tx:
        waiting = (await explain_wait(tx, [newest], context)).waiting[newest.id]
    await pauses.resume(MINE)
    await world.later(5)
    await finish(world)

    assert newest.state is BuildState.QUEUED
    assert waiting.obstacle is Obstacle.PAUSE
    assert "in this project" in waiting.message
    assert "(an exam)" in waiting.message
    assert (await world.rebuilds(launcher))[0].state is BuildState.SUCCEEDED


async def test_a_second_pause_leaves_the_first_as_it_is(
    world: World, pauses: PauseEditor
) -> None:
    first = await pauses.pause(MINE, by=UserId("ada"), reason="an exam")
    world.clock.advance(timedelta(hours=1))
    everywhere = await pauses.pause()

    again = await pauses.pause(MINE, reason="another")

    assert again == first
    assert await pauses.list() == [first, everywhere]
    assert await pauses.find(MINE) == everywhere
    assert "paused everywhere since" in everywhere.sentence
