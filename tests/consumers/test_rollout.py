"""Launchers move forward, when they are allowed to."""

from service.domain.building.build import BuildState
from service.domain.building.failure import FailureClass
from service.domain.launcher import UpdatePolicy
from tests.consumers.steps import built, pushed
from tests.support.repos import Repo
from tests.support.world import World


async def test_a_failed_build_leaves_the_last_good_image(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    image = await built(world)

    await pushed(world, repo, requirements_txt="no-such-package\n")
    world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await world.settle()

    rebuild = (await world.rebuilds(launcher))[0]
    assert rebuild.state is BuildState.FAILED
    assert rebuild.failure is not None
    assert rebuild.failure.kind is FailureClass.NO_SUCH_PACKAGE
    assert (await world.launcher(launcher)).image == image


async def test_a_push_during_a_build_wins_whichever_ends_first(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await pushed(world, repo, requirements_txt="six==1.15.0\n")
    slow = world.builder.running[0]

    await pushed(world, repo, requirements_txt="six==1.14.0\n")
    image = world.builder.succeed()
    await world.settle()

    assert world.builder.cancelled == [slow]
    assert (await world.launcher(launcher)).image == image
    states = [rebuild.state for rebuild in await world.rebuilds(launcher)]
    assert states[:2] == [BuildState.SUCCEEDED, BuildState.SUPERSEDED]


async def test_an_old_result_never_moves_a_launcher_back(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await pushed(world, repo, requirements_txt="six==1.15.0\n")
    world.builder.succeed()
    await world.settle()
    newest = (await world.launcher(launcher)).image

    await world.deliver(world.events)
    await world.settle()

    assert (await world.launcher(launcher)).image == newest


async def test_who_wants_to_be_told_is_told_and_stays(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository, policy=UpdatePolicy.NOTIFY)
    first = await built(world)

    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    second = world.builder.succeed()
    await world.settle()

    it = await world.launcher(launcher)
    assert (it.image, it.available_image) == (first, second)
    assert world.events[-1].data["action"] == "available"


async def test_a_manual_launcher_waits_for_its_person(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository, policy=UpdatePolicy.MANUAL)
    await built(world)

    await pushed(world, repo, requirements_txt="six==1.17.0\n")

    it = await world.launcher(launcher)
    assert it.wanted_key != it.image_key
    assert world.builder.running == []
