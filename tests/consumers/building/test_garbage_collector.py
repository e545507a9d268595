"""What builders hold of builds that nobody waits for any more."""

from dataclasses import replace

from consumers.building.garbage_collector import GarbageCollector
from service.domain.building.build import Build, BuildId, BuildState
from service.domain.definition import Kind
from service.domain.repository import CommitSha
from tests.adapters.local.builds import a_build
from tests.support.repos import Repo
from tests.support.world import World


def a_cleaner(world: World) -> GarbageCollector:
    return GarbageCollector(store=world.store, builder=world.builder, clock=world.clock)


async def test_what_is_waited_for_goes_on(world: World, repo: Repo) -> None:
    await world.follow(repo.repository)
    await world.settle()
    running = list(world.builder.running)
    await a_cleaner(world).clean()

    assert len(running) == 1
    assert world.builder.running == running
    assert world.builder.cancelled == []


async def test_a_build_of_which_there_is_no_record_is_stopped(world: World) -> None:
    build = a_build(("https://localhost/x", CommitSha("0" * 40)), Kind.PIP)
    name = world.builder.identity(frontend=build.spec.frontend)
    unknown = replace(build, spec=replace(build.spec, builder_image=name))
    await world.builder.start(unknown)
    await a_cleaner(world).clean()

    assert world.builder.cancelled == [unknown.id]
    assert list(await world.builder.known_builds()) == []


async def test_a_build_that_was_settled_before_it_was_let_go_is_let_go(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    (build,) = world.builder.running
    image = world.builder.succeed()
    await world.settle()
    again = replace(await kept(world, build), state=BuildState.RUNNING)
    await world.builder.start(again)
    world.builder.succeed()
    await a_cleaner(world).clean()

    assert list(await world.builder.known_builds()) == []
    assert world.builder.cancelled == []
    assert (await world.launcher(launcher)).image == image


async def kept(world: World, build: BuildId) -> Build:
    async with world.store.reading() as tx:
        return await tx.builds.get(build)
