"""Which image or build serves a rebuild that has none yet."""

import asyncio

import asyncpg
import pytest

from service.adapters.store import SqlStore, open_database
from service.domain.building.build import (
    BuildKey,
    BuildState,
    EnvironmentId,
    Rebuild,
    RebuildId,
)
from service.domain.launcher import LauncherId
from tests.consumers.steps import built
from tests.support.databases import KEYS, migrated_schema
from tests.support.repos import Repo
from tests.support.values import (
    a_build,
    a_build_spec,
    a_launcher,
    a_plan,
    a_rebuild,
    a_source,
    an_image,
)
from tests.support.world import World, a_world_over

_WAITS = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid)))"
)
_HOLD = "SELECT FROM launchers WHERE id = $1 FOR NO KEY UPDATE NOWAIT"


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


@pytest.mark.postgresql
async def test_the_schedule_holds_no_rebuild_while_it_waits_for_a_launcher() -> None:
    async with migrated_schema() as url, open_database(url, keys=KEYS) as database:
        world = a_world_over(SqlStore(database))
        rebuild = await _added(world)
        recording, other = await asyncpg.connect(url), await asyncpg.connect(url)
        try:
            async with asyncio.TaskGroup() as group, recording.transaction():
                # As an evaluation does that is recorded: its rebuilds are next.
                await recording.execute("SELECT FROM launchers FOR NO KEY UPDATE")
                waiting = group.create_task(world.scheduler.schedule())
                pid = recording.get_server_pid()
                while not await other.fetchval(_WAITS, pid):
                    assert not waiting.done()
                    await asyncio.sleep(0.02)
                await other.execute("SELECT FROM rebuilds FOR NO KEY UPDATE NOWAIT")
        finally:
            await recording.close()
            await other.close()
        async with world.store.reading() as tx:
            assert (await tx.rebuilds.get(rebuild.id)).build_id is not None


@pytest.mark.postgresql
async def test_launchers_of_all_pages_are_held_in_one_order() -> None:
    async with migrated_schema() as url, open_database(url, keys=KEYS) as database:
        world = a_world_over(SqlStore(database))
        await _added(world)
        await _added_elsewhere(world)
        recording, other = await asyncpg.connect(url), await asyncpg.connect(url)
        try:
            async with asyncio.TaskGroup() as group, recording.transaction():
                # As an evaluation does that is recorded: the other one is next.
                await recording.execute(_HOLD, "launcher-0")
                waiting = group.create_task(world.scheduler.schedule())
                pid = recording.get_server_pid()
                while not await other.fetchval(_WAITS, pid):
                    assert not waiting.done()
                    await asyncio.sleep(0.02)
                await other.execute(_HOLD, "launcher-1")
        finally:
            await recording.close()
            await other.close()


async def _added_elsewhere(world: World) -> None:
    """Add a rebuild of an older launcher whose build another builder is named for."""
    environment = EnvironmentId("environment-0")
    plan = a_plan(key=BuildKey("key-0"))
    build = a_build(key=plan.key, spec=plan.spec, environment_id=environment)
    rebuild = a_rebuild(
        id=RebuildId("rebuild-0"),
        launcher_id="launcher-0",
        environment_id=environment,
        plan=plan,
        build_id=build.id,
    )
    async with world.store.transaction() as tx:
        await tx.launchers.add(
            a_launcher(
                id=LauncherId("launcher-0"), name="older", environment_id=environment
            )
        )
        await tx.builds.add(build)
        await tx.rebuilds.add(rebuild)


async def _added(world: World) -> Rebuild:
    spec = a_build_spec(builder_image=world.builder.identity(frontend="none"))
    rebuild = a_rebuild(plan=a_plan(spec=spec))
    async with world.store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        await tx.launchers.add(a_launcher())
        await tx.rebuilds.add(rebuild)
    return rebuild
