"""What is read of running builds."""

from datetime import timedelta

from service.domain.building.build import PhaseTime
from service.domain.building.failure import FailureClass
from tests.support.repos import Repo
from tests.support.world import World


async def test_a_build_has_the_phases_of_the_attempt_that_ended_it(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await world.settle()
    (build,) = world.builder.started
    clone = PhaseTime(name="clone", took=timedelta(seconds=2))
    world.builder.fail(FailureClass.NETWORK, phases=(clone,))
    await world.settle()
    async with world.store.transaction() as tx:
        assert (await tx.builds.get(build)).phases == ()
    await world.later(120)
    took = (clone, PhaseTime(name="build", took=timedelta(seconds=41.5)))
    world.builder.succeed(phases=took)
    await world.settle()

    async with world.store.transaction() as tx:
        assert (await tx.builds.get(build)).phases == took
    (told,) = (event for event in world.events if event.name == "build.finished.v2")
    assert told.data["phases"] == [
        {"name": "clone", "seconds": 2.0},
        {"name": "build", "seconds": 41.5},
    ]


async def test_a_lost_build_is_started_again(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    world.builder.lose()

    await world.later(15)
    await world.later(60)
    image = world.builder.succeed()
    await world.settle()

    assert (await world.launcher(launcher)).image == image
