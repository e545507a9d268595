"""Images that a schedule calls old are built anew, with a clock that is turned."""

from dataclasses import replace
from datetime import timedelta

import pytest

from consumers.loops.wakeup import Wakeup
from consumers.rate import HourlyRate
from consumers.scheduled import ScheduledRebuilds
from service.domain.building.failure import FailureClass
from service.domain.launcher import LauncherId, RebuildSchedule, UpdatePolicy
from service.domain.push import Trigger
from tests.support.repos import Repo
from tests.support.world import DEBOUNCE, World

WEEK = timedelta(days=7)
OPEN = "six\n"
PINNED = f"six==1.16.0 --hash=sha256:{'1' * 64}\n"


def a_schedule(world: World, *, per_hour: int = 60) -> ScheduledRebuilds:
    return ScheduledRebuilds(
        store=world.store,
        clock=world.clock,
        ids=world.ids,
        wakeup=Wakeup(clock=world.clock),
        debounce=DEBOUNCE,
        rate=HourlyRate(per_hour, now=world.clock.now()),
    )


async def weekly(
    world: World,
    repo: Repo,
    name: str,
    *,
    schedule: RebuildSchedule = RebuildSchedule.WEEKLY,
    policy: UpdatePolicy = UpdatePolicy.AUTOMATIC,
    context_dir: str = "",
) -> LauncherId:
    """Follow a repository, and have the image that it defines."""
    launcher = await world.follow(
        repo.repository, name=name, policy=policy, context_dir=context_dir
    )
    await world.edit(launcher, schedule=schedule)
    await world.settle()
    if world.builder.running:
        world.builder.succeed()
        await world.settle()
    await world.later(20)  # new sources are looked at once more
    return launcher


async def pass_by(world: World, schedule: ScheduledRebuilds, time: timedelta) -> None:
    world.clock.advance(time)
    await schedule.round()
    await world.later(5)


async def test_an_open_definition_is_built_anew_after_a_week_and_no_sooner(
    world: World, repo: Repo
) -> None:
    repo.commit({"requirements.txt": OPEN})
    launcher, schedule = await weekly(world, repo, "a"), a_schedule(world)
    before = await world.launcher(launcher)

    await pass_by(world, schedule, timedelta(days=6, hours=23))
    assert world.builder.running == []
    await pass_by(world, schedule, timedelta(days=1, hours=2))
    image = world.builder.succeed()
    await world.settle()

    after, rebuild = await world.launcher(launcher), (await world.rebuilds(launcher))[0]
    assert (rebuild.trigger, rebuild.is_fresh) == (Trigger.SCHEDULE, True)
    assert after.image == image != before.image
    assert after.image_key == before.image_key
    assert after.built_at
    assert before.built_at
    assert after.built_at - before.built_at >= WEEK
    # It is new now: nothing for another week.
    await pass_by(world, schedule, timedelta(days=6, hours=22))
    assert len(await world.rebuilds(launcher)) == 2


@pytest.mark.parametrize(
    ("files", "changes"),
    [
        pytest.param(PINNED, {}, id="pinned"),
        pytest.param(OPEN, {"schedule": RebuildSchedule.NEVER}, id="never"),
        pytest.param(OPEN, {"policy": UpdatePolicy.MANUAL}, id="manual"),
    ],
)
async def test_other_launchers_are_left_alone(
    world: World, repo: Repo, files: str, changes: dict[str, object]
) -> None:
    repo.commit({"requirements.txt": files})
    launcher, schedule = await weekly(world, repo, "a"), a_schedule(world)
    await world.edit(launcher, **changes)

    await pass_by(world, schedule, 5 * WEEK)

    assert len(world.builder.started) == 1


async def test_launchers_of_one_environment_share_one_rebuild(
    world: World, repo: Repo
) -> None:
    repo.commit({"requirements.txt": OPEN})
    schedule = a_schedule(world, per_hour=1)
    course = [await weekly(world, repo, f"student {number}") for number in range(5)]
    own = await weekly(world, repo, "never", schedule=RebuildSchedule.NEVER)
    world.clock.advance(timedelta(hours=1))
    late = await weekly(world, repo, "late", schedule=RebuildSchedule.NEVER)
    old = (await world.launcher(own)).image

    await pass_by(world, schedule, timedelta(days=8))
    image = world.builder.succeed()
    await world.settle()
    # One that gets its schedule afterwards takes the image that is there.
    await world.edit(late, schedule=RebuildSchedule.WEEKLY)
    await pass_by(world, schedule, timedelta(minutes=1))

    moved = {
        (await world.launcher(launcher_id)).image for launcher_id in [*course, late]
    }
    assert moved == {image}
    assert len(world.builder.started) == 2
    assert (await world.launcher(own)).image == old


async def test_many_images_are_built_anew_within_the_rate_the_oldest_first(
    world: World, repo: Repo
) -> None:
    made = []
    for number in range(3):
        repo.commit({f"{number}/requirements.txt": f"six>=1.{number}\n"})
        made.append(await weekly(world, repo, f"{number}", context_dir=f"{number}"))
        world.clock.advance(timedelta(days=1))
    schedule = a_schedule(world, per_hour=1)
    world.clock.advance(timedelta(days=10))

    order = []
    for _ in range(3):
        await pass_by(world, schedule, timedelta(hours=1))
        world.builder.succeed()
        await world.settle()
        order.append([len(await world.rebuilds(launcher_id)) for launcher_id in made])

    assert order == [[2, 1, 1], [2, 2, 1], [2, 2, 2]]


async def test_a_launcher_that_is_only_told_gets_an_offer(
    world: World, repo: Repo
) -> None:
    repo.commit({"requirements.txt": OPEN})
    schedule = a_schedule(world)
    launcher = await weekly(world, repo, "a", policy=UpdatePolicy.NOTIFY)
    before = await world.launcher(launcher)

    await pass_by(world, schedule, timedelta(days=8))
    image = world.builder.succeed()
    await world.settle()

    after = await world.launcher(launcher)
    assert (after.image, after.available_image) == (before.image, image)
    assert after.has_offer
    await pass_by(world, schedule, timedelta(days=1))
    assert world.builder.running == []


async def test_a_failure_keeps_the_image_and_is_tried_again_by_its_class(
    world: World, repo: Repo
) -> None:
    repo.commit({"requirements.txt": OPEN})
    launcher, schedule = await weekly(world, repo, "a"), a_schedule(world)
    image = (await world.launcher(launcher)).image

    await pass_by(world, schedule, timedelta(days=8))
    world.builder.fail(FailureClass.REGISTRY_REFUSED)
    await world.settle()
    await pass_by(world, schedule, timedelta(minutes=11))
    world.builder.fail(FailureClass.CONFLICT)
    await world.settle()
    await pass_by(world, schedule, timedelta(days=6))
    assert world.builder.running == []
    assert (await world.launcher(launcher)).image == image
    await pass_by(world, schedule, timedelta(days=1, hours=1))

    assert len(world.builder.running) == 1


async def test_a_definition_last_seen_by_an_older_version_is_looked_at_first(
    world: World, repo: Repo
) -> None:
    repo.commit({"requirements.txt": PINNED})
    launcher, schedule = await weekly(world, repo, "a"), a_schedule(world)
    await world.edit(launcher, is_exact=False)
    async with world.store.transaction() as tx:
        source = await tx.sources.get((await world.launcher(launcher)).tracked_source)
        assert source.seen is not None
        seen = replace(source.seen, is_pinned=None)
        await tx.sources.save_all([replace(source, seen=seen)])

    await pass_by(world, schedule, timedelta(days=8))
    await pass_by(world, schedule, timedelta(minutes=1))

    assert (await world.launcher(launcher)).is_exact
    assert len(await world.rebuilds(launcher)) == 1


async def test_a_push_that_comes_before_the_schedule_makes_the_image_young(
    world: World, repo: Repo
) -> None:
    repo.commit({"requirements.txt": OPEN})
    launcher, schedule = await weekly(world, repo, "a"), a_schedule(world)
    world.clock.advance(timedelta(days=6))
    repo.commit({"requirements.txt": "six>1\n"})
    await world.push(repo.repository)
    await world.later(5)
    world.builder.succeed()
    await world.settle()

    await pass_by(world, schedule, timedelta(days=3))

    assert len(await world.rebuilds(launcher)) == 2
