"""Builds that do not succeed at once: attempts, waits and their end."""

from service.domain.building.build import BuildState
from service.domain.building.failure import FailureClass
from tests.consumers.steps import built, pushed
from tests.support.repos import Repo
from tests.support.world import World


async def test_a_transient_failure_is_tried_again_with_an_end(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    for wait in (200, 200, 0):
        world.builder.fail(FailureClass.NETWORK)
        await world.settle()
        await world.later(wait)

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.state is BuildState.FAILED
    assert rebuild.failure is not None
    assert world.builder.started == [rebuild.build_id] * 3


async def test_a_doubtful_failure_is_tried_once_more(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    world.builder.fail(FailureClass.NO_SUCH_PACKAGE, is_doubtful=True)
    await world.settle()

    (waiting,) = await world.rebuilds(launcher)
    assert waiting.state is BuildState.QUEUED
    async with world.store.reading() as tx:
        (build,) = await tx.builds.unfinished()
    assert build.failure is not None
    assert "tried once more" in build.failure.hint

    await world.later(200)
    world.builder.fail(FailureClass.NO_SUCH_PACKAGE, is_doubtful=True)
    await world.settle()

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.state is BuildState.FAILED
    assert world.builder.started == [rebuild.build_id] * 2


async def test_what_is_tried_once_more_succeeds(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    world.builder.fail(FailureClass.NO_SUCH_PACKAGE, is_doubtful=True)
    await world.settle()
    await world.later(200)
    image = world.builder.succeed()
    await world.settle()

    assert (await world.launcher(launcher)).image == image


async def test_a_builder_without_room_is_asked_again(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    world.builder.refuse(2)
    await world.settle()
    await world.later(31)
    await world.later(31)
    image = world.builder.succeed()
    await world.settle()

    assert (await world.launcher(launcher)).image == image


async def test_only_who_depends_on_a_registry_waits_until_it_answers(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    first = await built(world)
    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    second = world.builder.succeed()
    await world.settle()
    world.builder.is_silent = True

    await pushed(world, repo, requirements_txt="six==1.16.0\n")
    assert (await world.rebuilds(launcher))[0].state is BuildState.QUEUED
    assert (await world.launcher(launcher)).image == second
    other = await world.follow(repo.repository, frontend="jupyterlab")
    await world.settle()
    assert len(world.builder.running) == 1

    world.builder.is_silent = False
    await world.later(1)
    assert (await world.launcher(launcher)).image == first
    world.builder.succeed()
    await world.settle()
    assert (await world.rebuilds(other))[0].reason == "built"
