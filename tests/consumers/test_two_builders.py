"""Processes with different builders over one ledger, as while a version is rolled out.

What builds decides the key: no image of one builder stands under the key of another.
"""

from pathlib import Path

from consumers.building.assignment import FOREIGN
from service.domain.building.build import BuildState
from service.domain.building.failure import FailureClass
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.launcher import LauncherId, UpdatePolicy
from service.domain.push import Trigger
from tests.support.repos import Repo
from tests.support.world import World, a_world

LONG = FOREIGN.total_seconds() + 1


async def lead(world: World, seconds: float = 1) -> None:
    """Let one process lead for a while, and take every loop's turn."""
    await world.later(seconds)
    await world.later(seconds)


async def keys_by_builder(world: World) -> dict[str, str]:
    """Return who started the build of each known image, by its key."""
    async with world.store.reading() as tx:
        found: dict[str, str] = {}
        for build_id, identity in world.builder.made_by.items():
            build = await tx.builds.get(build_id)
            image = await tx.builds.image(build.key)
            if image is not None:
                maker = world.builder.made_by[image.build_id]
                assert build.spec.builder_image == maker, "filed under another's key"
                found[build.key] = identity
        return found


async def image_maker(world: World, launcher: LauncherId) -> str:
    found = (await world.launcher(launcher)).image_key
    return (await keys_by_builder(world))[str(found)]


async def test_a_build_that_crosses_a_takeover_ends_under_its_own_key(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    await lead(world, 10)  # a new source is looked at once more
    new = world.process_of("told/2")

    await lead(new, LONG)
    (running,) = new.builder.running
    new.builder.succeed(running)
    await new.settle()

    assert new.builder.started == []
    assert await image_maker(new, launcher) == "told/1 none"


async def test_what_waits_is_not_started_by_another_builder(
    repo: Repo, tmp_path: Path
) -> None:
    async with a_world(
        tmp_path, caps=ConcurrencyLimits(in_all=1, per_project=1)
    ) as world:
        first = await world.follow(repo.repository, name="a")
        second = await world.follow(repo.repository, name="b", frontend="ttyd")
        await world.settle()
        new = world.process_of("told/2")
        new.builder.succeed()

        await lead(new)

        assert new.builder.started == []
        (waiting,) = await new.rebuilds(second)
        assert waiting.state is BuildState.QUEUED
        assert await image_maker(new, first) == "told/1 none"


async def test_what_nobody_builds_so_any_more_is_planned_anew_under_its_id(
    repo: Repo, tmp_path: Path
) -> None:
    async with a_world(
        tmp_path, caps=ConcurrencyLimits(in_all=1, per_project=1)
    ) as world:
        await world.follow(repo.repository, name="a")
        second = await world.follow(repo.repository, name="b", frontend="ttyd")
        await world.settle()
        await lead(world, 10)  # a new source is looked at once more
        (asked,) = await world.rebuilds(second)
        new = world.process_of("told/2")
        new.builder.succeed()
        await lead(new, LONG)
        await lead(new, LONG)

        (build,) = new.builder.started
        new.builder.succeed(build)
        await new.settle()

        rebuilds = {rebuild.id: rebuild for rebuild in await new.rebuilds(second)}
        assert rebuilds[asked.id].state is BuildState.SUCCEEDED
        assert rebuilds[asked.id].trigger is Trigger.LAUNCHER
        assert await image_maker(new, second) == "told/2 ttyd"


async def test_a_person_s_fresh_rebuild_outlives_its_builder(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository, policy=UpdatePolicy.MANUAL)
    await world.settle()
    world.builder.succeed()
    await world.settle()
    await world.later(10)
    requested = await world.request_rebuild(launcher)
    await world.settle()
    new = world.process_of("told/2")
    world.builder.fail(FailureClass.LOST)  # its process went, and it waits for a retry

    await new.settle()
    for _ in range(3):
        await lead(new, LONG)
    (build,) = new.builder.started
    new.builder.succeed(build)
    await new.settle()

    rebuild = next(
        item for item in await new.rebuilds(launcher) if item.id == requested
    )
    assert rebuild.is_fresh
    assert rebuild.state is BuildState.SUCCEEDED
    assert await image_maker(new, launcher) == "told/2 none"


async def test_leaders_that_change_to_and_fro_never_mix_their_images(
    repo: Repo, tmp_path: Path
) -> None:
    async with a_world(
        tmp_path, caps=ConcurrencyLimits(in_all=1, per_project=1)
    ) as world:
        for frontend in ("none", "ttyd"):
            await world.follow(repo.repository, name=frontend, frontend=frontend)
        processes = [world, world.process_of("told/2"), world.process_of("told/3")]

        for turn in range(9):
            if turn % 3 == 0:
                repo.commit({"requirements.txt": f"six==1.{turn}.0\n"})
                await world.push(repo.repository)
            leading = processes[turn * 2 % 3]
            await lead(leading, 4 + turn * 3 % 17)
            for build in list(leading.builder.running):
                leading.builder.succeed(build)
            await keys_by_builder(world)
        survivor = processes[2]
        for _ in range(6):
            await lead(survivor, LONG)
            for build in list(survivor.builder.running):
                survivor.builder.succeed(build)

        made = await keys_by_builder(survivor)
        async with survivor.store.reading() as tx:
            launchers = list(await tx.launchers.list())
            assert not await tx.rebuilds.unfinished()
        assert len({text.split()[0] for text in made.values()}) > 1
        assert all(launcher.image_key == launcher.wanted_key for launcher in launchers)
