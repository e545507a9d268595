"""What one evaluation plans for every launcher of its source."""

from tests.consumers.steps import built
from tests.support.repos import Repo
from tests.support.world import World


async def test_an_image_that_two_launchers_want_is_requested_by_one_event(
    world: World, repo: Repo
) -> None:
    one, two = await world.follow(repo.repository), await world.follow(repo.repository)

    await world.settle()

    (requested,) = (
        event for event in world.events if event.name == "rebuild.requested.v3"
    )
    assert "rebuild_id" not in requested.data
    plans = [(await world.rebuilds(launcher))[0].plan for launcher in (one, two)]
    assert {plan.key for plan in plans if plan} == {requested.data["build_key"]}


async def test_launchers_with_other_frontends_get_plans_of_their_own(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await world.follow(repo.repository, frontend="jupyterlab")

    await world.settle()

    requested = [e for e in world.events if e.name == "rebuild.requested.v3"]
    assert sorted(event.data["frontend"] for event in requested) == [
        "jupyterlab",
        "none",
    ]
    assert all("rebuild_id" in event.data for event in requested)


async def test_nobody_is_behind_a_head_without_a_definition(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    image = await built(world)
    repo.commit({"requirements.txt": None})
    await world.push(repo.repository)

    await world.later(5)

    served = await world.launcher(launcher)
    assert served.wanted_key is None
    assert served.image == image
    assert world.builder.running == []
