"""Builder and run images are watched, and what they outdate is built anew in order."""

from datetime import timedelta
from typing import Any

import pytest

from consumers.base_images import BaseReader, BaseWatch, Outdater
from consumers.loops.wakeup import Wakeup
from consumers.rate import HourlyRate
from service.domain.building.failure import FailureClass
from service.domain.launcher import LauncherId, UpdatePolicy
from service.domain.push import Trigger
from tests.support.repos import Repo
from tests.support.world import DEBOUNCE, World

RUN_IMAGE = "registry.example/run:1"
OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def a_watch(world: World) -> BaseWatch:
    return BaseWatch(
        store=world.store,
        builder=world.builder,
        clock=world.clock,
        interval=timedelta(hours=1),
    )


def an_outdater(world: World, *, per_hour: int = 60) -> Outdater:
    return Outdater(
        store=world.store,
        builder=world.builder,
        clock=world.clock,
        wakeup=Wakeup(clock=world.clock),
        debounce=DEBOUNCE,
        rate=HourlyRate(per_hour, now=world.clock.now()),
    )


async def follow_each(
    world: World, repo: Repo, folders: list[str], **launcher: Any
) -> dict[str, LauncherId]:
    """Follow folders of a repository, each with an image a minute older."""
    made: dict[str, LauncherId] = {}
    for folder in folders:
        repo.commit({f"{folder}/requirements.txt": f"six==1.16.{len(made)}\n"})
        made[folder] = await world.follow(
            repo.repository, context_dir=folder, name=folder, **launcher
        )
        await world.settle()
        world.builder.succeed()
        await world.settle()
        world.clock.advance(timedelta(minutes=1))
    await world.later(20)  # new sources are looked at once more
    return made


async def a_minute(world: World, outdater: Outdater) -> None:
    world.clock.advance(timedelta(minutes=1))
    await outdater.round()
    await world.settle()


@pytest.fixture
async def watched(world: World) -> World:
    world.builder.tags = {RUN_IMAGE: OLD}
    await a_watch(world).round()
    return world


async def test_a_run_image_that_moved_rebuilds_what_stood_on_it(
    watched: World, repo: Repo
) -> None:
    made = await follow_each(watched, repo, ["a"])
    before = await watched.launcher(made["a"])
    watched.builder.tags[RUN_IMAGE] = NEW
    await a_watch(watched).round()

    await a_minute(watched, an_outdater(watched))
    watched.builder.succeed()
    await watched.settle()

    after = await watched.launcher(made["a"])
    rebuild = (await watched.rebuilds(made["a"]))[0]
    assert rebuild.trigger is Trigger.BASE_CHANGED
    assert rebuild.plan is not None
    assert NEW in rebuild.plan.spec.builder_image
    assert after.image_key == rebuild.plan.key != before.image_key


async def test_a_base_that_stays_rebuilds_nothing(watched: World, repo: Repo) -> None:
    await follow_each(watched, repo, ["a"])
    outdater = an_outdater(watched)

    for _ in range(3):
        await a_watch(watched).round()
        await a_minute(watched, outdater)

    assert len(watched.builder.started) == 1


async def test_a_registry_that_is_silent_changes_nothing(
    watched: World, repo: Repo
) -> None:
    await follow_each(watched, repo, ["a"])
    watched.builder.tags[RUN_IMAGE] = NEW
    watched.builder.is_silent = True

    await a_watch(watched).round()
    watched.builder.is_silent = False
    await a_minute(watched, an_outdater(watched))

    assert len(watched.builder.started) == 1


async def test_another_process_names_keys_by_what_was_seen(watched: World) -> None:
    other = watched.process_of("told/1")
    other.builder.tags = {RUN_IMAGE: NEW}  # it asks nobody

    await BaseReader(store=other.store, builder=other.builder, clock=other.clock).read()

    assert other.builder.identity(frontend="none") == watched.builder.identity(
        frontend="none"
    )
    assert OLD in other.builder.identity(frontend="none")


async def test_the_oldest_images_go_first_and_no_more_than_the_rate_allows(
    watched: World, repo: Repo
) -> None:
    made = await follow_each(watched, repo, ["c", "a", "b", "d"])
    manual = await watched.follow(
        repo.repository, context_dir="a", name="m", policy=UpdatePolicy.MANUAL
    )
    await watched.settle()
    await watched.later(20)
    watched.builder.tags[RUN_IMAGE] = NEW
    await a_watch(watched).round()
    outdater = an_outdater(watched, per_hour=60)

    order = []
    for _ in range(3):
        await a_minute(watched, outdater)
        order.append(list(watched.builder.running))
        watched.builder.succeed()
        await watched.settle()

    assert [len(item) for item in order] == [1, 1, 1]
    moved = [
        name
        for name in ("c", "a", "b", "d")
        if NEW in str((await watched.launcher(made[name])).wanted_builder)
    ]
    assert moved == ["c", "a", "b"]
    assert len(await watched.rebuilds(manual)) == 1


async def test_what_failed_is_tried_at_once_when_what_builds_changes(
    watched: World, repo: Repo
) -> None:
    made = await follow_each(watched, repo, ["a", "b", "c"])
    repo.commit({"c/requirements.txt": "six==1.17.0\n"})
    await watched.push(repo.repository)
    await watched.later(5)
    watched.builder.fail(FailureClass.REGISTRY_REFUSED)
    await watched.settle()
    await watched.later(5)
    assert watched.builder.running == []
    watched.builder.version = "told/2"  # an operator set another builder image

    outdater = an_outdater(watched, per_hour=1)
    await outdater.round()
    await watched.settle()

    async with watched.store.reading() as tx:
        started = [
            await tx.builds.get(build_id) for build_id in watched.builder.running
        ]
    environments = {build.environment_id for build in started}
    assert (await watched.launcher(made["c"])).environment_id in environments


async def test_a_source_that_no_look_can_settle_is_not_asked_for_at_every_round(
    watched: World, repo: Repo
) -> None:
    made = await follow_each(watched, repo, ["a"])
    watched.builder.tags[RUN_IMAGE] = NEW
    await a_watch(watched).round()
    repo.delete("refs/heads/main")
    outdater = an_outdater(watched)
    await a_minute(watched, outdater)
    looks = len(await watched.evaluations(made["a"]))

    for _ in range(5):
        await a_minute(watched, outdater)

    assert len(await watched.evaluations(made["a"])) == looks
