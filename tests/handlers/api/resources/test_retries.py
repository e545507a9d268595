"""What failed is asked for again, once an operator has mended it."""

from datetime import timedelta
from typing import Any, Final

from service.domain.building.build import BuildState
from service.domain.building.failure import FailureClass
from service.domain.launcher import LauncherId, UpdatePolicy
from tests.support.api import Api
from tests.support.repos import Repo
from tests.support.world import World

RETRY: Final = timedelta(seconds=61)
"""As long as the longest wait between the attempts at one build."""
OPERATORS = [kind for kind in FailureClass if not kind.is_final]
AUTHORS = [FailureClass.CONFLICT, FailureClass.NO_SUCH_PACKAGE]


async def fail_each(
    world: World, repo: Repo, kinds: list[FailureClass], **launcher: Any
) -> dict[FailureClass, LauncherId]:
    """Add a launcher for each class, whose build fails so to its end."""
    made = {
        kind: await world.follow(
            repo.repository, name=kind.word, frontend=kind.word, **launcher
        )
        for kind in kinds
    }
    await world.settle()
    words = {kind.word: kind for kind in kinds}
    while world.builder.running:
        async with world.store.reading() as tx:
            builds = [
                await tx.builds.get(build_id) for build_id in world.builder.running
            ]
        for build in builds:
            world.builder.fail(words[build.spec.frontend], build.id)
        await world.settle()
        world.clock.advance(RETRY)
        await world.scheduler.schedule()
    return made


async def states(world: World, launcher: LauncherId) -> list[BuildState]:
    return [rebuild.state for rebuild in await world.rebuilds(launcher)]


async def succeed_all(world: World) -> None:
    while world.builder.running:
        for build in list(world.builder.running):
            world.builder.succeed(build)
        await world.settle()


async def retry(api: Api, **body: Any) -> Any:
    answer = await api.call("POST", "/builds/retry", body)
    assert answer.status == 202, answer
    await api.world.settle()
    return answer.json


async def test_what_others_mend_heals_by_itself_whatever_its_class(
    api: Api, repo: Repo
) -> None:
    made = await fail_each(api.world, repo, [*OPERATORS, *AUTHORS])
    for launcher in made.values():
        assert set(await states(api.world, launcher)) == {BuildState.FAILED}

    await api.world.later(150)
    await succeed_all(api.world)

    for kind, launcher in made.items():
        is_there = (await api.world.launcher(launcher)).image is not None
        assert is_there == (not kind.is_final), kind


async def test_a_person_has_everything_tried_again_at_once(
    api: Api, repo: Repo
) -> None:
    kinds = [FailureClass.NETWORK, FailureClass.REGISTRY_REFUSED, *AUTHORS]
    made = await fail_each(api.world, repo, kinds, policy=UpdatePolicy.MANUAL)

    told = await retry(api)
    again = await retry(api)
    await succeed_all(api.world)

    assert told["left"] == 0
    assert {item["name"]: item["failure"] for item in told["requested"]} == {
        kind.word: kind.word for kind in kinds
    }
    assert again == {"requested": [], "left": 0}
    for launcher in made.values():
        newest, failed = await api.world.rebuilds(launcher)
        (of_it,) = [
            item for item in told["requested"] if item["launcher_id"] == launcher
        ]
        assert (of_it["build_id"], of_it["failed_build_id"]) == (newest.id, failed.id)
        assert (await api.world.launcher(launcher)).image == newest.image


async def test_only_what_is_chosen_is_tried_again_and_the_rest_is_counted(
    api: Api, repo: Repo
) -> None:
    kinds = [FailureClass.DEADLINE, FailureClass.CERTIFICATE, *AUTHORS]
    await fail_each(api.world, repo, kinds, policy=UpdatePolicy.MANUAL)
    since = api.world.clock.now().isoformat()

    none = await retry(api, since=since)
    one = await retry(api, classes=["deadline", "network"])
    two = await retry(api, limit=2)

    assert none == {"requested": [], "left": 0}
    assert [item["name"] for item in one["requested"]] == ["deadline"]
    assert (len(two["requested"]), two["left"]) == (2, 1)


async def test_a_class_that_is_none_is_refused_with_those_that_are(api: Api) -> None:
    unknown = await api.call("POST", "/builds/retry", {"classes": ["netwrok"]})
    naive = await api.call("POST", "/builds/retry", {"since": "2026-03-01T12:00:00"})

    assert (unknown.status, naive.status) == (422, 422)
    assert "'netwrok'" in unknown.text
    assert "registry_refused" in unknown.text


async def test_fifty_that_share_a_definition_share_the_second_try_too(
    api: Api, repo: Repo
) -> None:
    for number in range(5):
        await api.world.follow(
            repo.repository, name=f"course {number}", policy=UpdatePolicy.MANUAL
        )
    await api.world.settle()
    api.world.builder.fail(FailureClass.REGISTRY_REFUSED)
    await api.world.settle()

    told = await retry(api)

    assert len(told["requested"]) == 5
    assert len(api.world.builder.running) == 1
