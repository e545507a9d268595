"""Which image or build serves a rebuild that has none yet."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from service.adapters.store import SqlStore, open_database
from service.domain.building.build import (
    BuildKey,
    BuildState,
    EnvironmentId,
    Image,
    Rebuild,
    RebuildId,
)
from service.domain.launcher import LauncherId
from service.events.envelope import data_of
from service.events.models import EvaluationRequested
from tests.consumers.steps import built, pushed
from tests.support.builders import ToldBuilder
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


class SlowRegistry(ToldBuilder):
    """Its registry takes so long that what is being built ends meanwhile."""

    end: Callable[[], Awaitable[None]]

    async def has(self, image: Image) -> bool:
        if self.running:
            self.succeed()
            await self.end()
        return await super().has(image)


async def test_an_image_that_is_made_while_a_registry_answers_is_not_built_again(
    world: World, repo: Repo, tmp_path: Path
) -> None:
    first = await world.follow(repo.repository)
    await built(world)
    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    old = Repo(tmp_path / "old.git")
    old.commit({"requirements.txt": "six==1.16.0\n"})
    # One that wants what is there, and one that wants what is being built.
    late = [await world.follow(each.repository) for each in (old, repo)]
    await _evaluate(world)
    builder = SlowRegistry(clock=world.clock, beside=world.builder)
    builder.end = world.watcher.watch
    leader = world.beside(builder)

    for _ in range(2):
        await leader.scheduler.schedule()

    states = [(await world.rebuilds(each))[0].state for each in (first, *late)]
    assert states == [BuildState.SUCCEEDED] * 3
    assert not builder.started


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


async def _evaluate(world: World) -> None:
    """Do all that is requested, but for builds."""
    async with world.store.transaction() as tx:
        waiting = await tx.outbox.peek(limit=100)
        await tx.outbox.remove([place for place, _ in waiting])
    for _, event in waiting:
        data = data_of(event)
        if isinstance(data, EvaluationRequested):
            await world.enqueuer.handle(event, data)
    while await world.evaluator.process_one():
        pass


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
