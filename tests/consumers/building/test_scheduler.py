"""Builds are shared, reused and started."""

from service.domain.building.failure import Failure, FailureClass
from service.events.models import BuildWaiting
from tests.consumers.steps import built, pushed
from tests.support.repos import Repo
from tests.support.world import World


async def test_what_keeps_a_build_from_starting_is_an_event_once(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    for message in ("the quota few is full", "the quota few is full by now"):
        world.builder.hinder(Failure(kind=FailureClass.NOT_ADMITTED, message=message))
        await world.later(1)
    world.builder.hinder(None)

    image = await built(world)

    assert (await world.launcher(launcher)).image == image
    names = [event.name for event in world.events]
    assert names.count(BuildWaiting.name) == 1


async def test_a_revert_is_an_instant_rollback(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    first = await built(world)
    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    world.builder.succeed()
    await world.settle()

    await pushed(world, repo, requirements_txt="six==1.16.0\n")

    assert (await world.launcher(launcher)).image == first
    assert (await world.rebuilds(launcher))[0].reason == "reused"
    assert len(world.builder.started) == 2


async def test_fifty_launchers_of_one_course_share_one_build(
    world: World, repo: Repo
) -> None:
    launchers = [
        await world.follow(repo.repository, name=f"student {i}") for i in range(50)
    ]
    await world.settle()
    image = world.builder.succeed()
    await world.settle()

    images = {(await world.launcher(launcher)).image for launcher in launchers}
    assert images == {image}
    assert len(world.builder.started) == 1


async def test_a_fork_with_the_same_definition_reuses_the_image(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    image = await built(world)
    fork = Repo(repo.path.with_name("fork.git"))
    fork.commit({"requirements.txt": "six==1.16.0 # mine\n"})

    second = await world.follow(fork.repository)
    await world.settle()

    assert (await world.launcher(second)).image == image
    assert len(world.builder.started) == 1


async def test_an_image_that_was_removed_is_built_again(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    first = await built(world)
    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    world.builder.succeed()
    await world.settle()
    world.builder.lose_image(first)

    await pushed(world, repo, requirements_txt="six==1.16.0\n")

    assert len(world.builder.running) == 1
