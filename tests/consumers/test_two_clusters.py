"""Consumers in two clusters over one database, as `docs/clusters.md` has a standby."""

from service.domain.building.build import BuildState
from tests.consumers.steps import built, pushed
from tests.support.builders import ToldBuilder
from tests.support.repos import Repo
from tests.support.world import World

GRACE = 4.0
RETRIED = 31.0


def in_another_cluster(world: World) -> World:
    """Return a process with the same settings, whose cluster has none of the builds."""
    return World(
        store=world.store,
        remote=world.remote,
        anonymous_remote=world.anonymous_remote,
        clock=world.clock,
        ids=world.ids,
        caps=world.caps,
        builder=ToldBuilder(clock=world.clock),
    )


async def test_a_build_begins_again_where_the_next_leader_is_and_counts_once(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    (running,) = world.builder.running
    other = in_another_cluster(world)

    await other.later(GRACE)
    await other.later(RETRIED)
    (again,) = other.builder.running
    image = other.builder.succeed()
    await other.settle()
    # The first cluster's leads again; its Job came to an end, too.
    world.builder.succeed()
    await world.settle()
    await world.later(GRACE)

    assert again == running
    newest, *_ = await world.rebuilds(launcher)
    assert newest.state is BuildState.SUCCEEDED
    assert newest.image == image
    assert len(await world.rebuilds(launcher)) == 2
