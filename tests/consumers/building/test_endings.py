"""How rebuilds end: with their build, their launchers' images and one event."""

from prometheus_client import generate_latest

from service.domain.building.build import BuildState
from service.domain.building.failure import FailureClass
from tests.support.repos import Repo
from tests.support.world import World


async def test_everybody_who_waits_ends_with_the_build_and_has_its_image(
    world: World, repo: Repo
) -> None:
    first, late = (
        await world.follow(repo.repository),
        await world.follow(repo.repository),
    )
    await world.settle()

    image = world.builder.succeed()
    await world.settle()

    reasons = [(await world.rebuilds(launcher))[0].reason for launcher in (first, late)]
    assert sorted(reasons) == ["adopted", "built"]
    for launcher in (first, late):
        assert (await world.launcher(launcher)).image == image
    (finished,) = (e for e in world.events if e.name == "build.finished.v2")
    assert finished.data["image"] == image
    assert "rebuild_id" not in finished.data
    # The second would have been a build of its own.
    counted = generate_latest(world.metrics.registry).decode()
    assert 'relaunch_builds_avoided_total{reason="shared"} 1.0' in counted


async def test_everybody_who_waits_gets_the_failure_of_the_build(
    world: World, repo: Repo
) -> None:
    launchers = [await world.follow(repo.repository) for _ in range(2)]
    await world.settle()

    world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await world.settle()

    for launcher in launchers:
        (rebuild,) = await world.rebuilds(launcher)
        assert (rebuild.state, rebuild.reason) == (BuildState.FAILED, "no_such_package")
        assert (await world.launcher(launcher)).image is None
    (finished,) = (e for e in world.events if e.name == "build.finished.v2")
    assert finished.data["outcome"] == "failed"


async def test_a_rebuild_that_a_person_cancelled_does_not_end_twice(
    world: World, repo: Repo
) -> None:
    first, late = (
        await world.follow(repo.repository),
        await world.follow(repo.repository),
    )
    await world.settle()
    (rebuild,) = await world.rebuilds(first)

    await world.cancel(rebuild.id)
    image = world.builder.succeed()
    await world.settle()

    (cancelled,) = await world.rebuilds(first)
    assert cancelled.state is BuildState.CANCELLED
    assert (await world.launcher(first)).image is None
    assert (await world.launcher(late)).image == image
