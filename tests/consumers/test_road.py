"""From a push to a launcher, with every consumer and a builder that obeys."""

from service.domain.building.build import BuildState
from service.domain.evaluation.comparison import Verdict
from tests.consumers.steps import built, pushed, verdict
from tests.support.repos import Repo
from tests.support.world import World


async def test_a_new_launcher_gets_its_first_image(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)

    image = await built(world)

    assert (await world.launcher(launcher)).image == image
    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.state is BuildState.SUCCEEDED
    assert rebuild.reason == "built"
    assert await verdict(world, launcher) is Verdict.INITIAL


async def test_a_changed_definition_is_built_and_the_launcher_moves(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    first = await built(world)

    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    still = await world.launcher(launcher)
    second = world.builder.succeed()
    await world.settle()

    assert still.image == first
    assert (await world.launcher(launcher)).image == second != first
    async with world.store.transaction() as tx:
        builds = [await tx.builds.get(build_id) for build_id in world.builder.started]
    assert [build.previous_image for build in builds] == [None, first]
    assert [build.ref for build in builds] == ["refs/heads/main", "refs/heads/main"]
    assert [event.name for event in world.events][-4:] == [
        "rebuild.requested.v3",
        "build.started.v2",
        "build.finished.v2",
        "launcher.updated.v1",
    ]
