"""Which image or build serves a rebuild that has none yet."""

from service.domain.building.build import BuildState
from tests.consumers.steps import built
from tests.support.repos import Repo
from tests.support.values import an_image
from tests.support.world import World


async def test_an_image_that_is_there_serves_without_a_build(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    image = await built(world)

    late = await world.follow(repo.repository)
    await world.settle()

    (rebuild,) = await world.rebuilds(late)
    assert (rebuild.state, rebuild.reason) == (BuildState.SUCCEEDED, "reused")
    assert (await world.launcher(late)).image == image
    assert len(world.builder.started) == 1


async def test_an_image_that_its_registry_lost_is_built_again(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await world.builder.remove_image(an_image(reference=await built(world)))

    late = await world.follow(repo.repository)
    await world.settle()

    (rebuild,) = await world.rebuilds(late)
    assert rebuild.state is BuildState.RUNNING
    assert world.builder.running == [rebuild.build_id]


async def test_a_rebuild_joins_the_running_build_of_its_key(
    world: World, repo: Repo
) -> None:
    first = await world.follow(repo.repository)
    await world.settle()

    late = await world.follow(repo.repository)
    await world.settle()

    rebuilds = [(await world.rebuilds(launcher))[0] for launcher in (first, late)]
    assert {rebuild.build_id for rebuild in rebuilds} == set(world.builder.running)
    assert {rebuild.state for rebuild in rebuilds} == {BuildState.RUNNING}
