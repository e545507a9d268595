"""A source with many launchers costs the statements and messages of one with few."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from service.domain.building.build import Build, EnvironmentId
from service.domain.launcher import LauncherId
from service.ports.store import BATCH, LOCK_SCHEDULE
from tests.consumers.steps import built, pushed
from tests.support.builders import ToldBuilder
from tests.support.repos import Repo
from tests.support.statements import sent_statements
from tests.support.world import World, a_world

FEW: Final = 3
MANY: Final = BATCH - 1
PAGES: Final = BATCH + 20
"""Launchers for two transactions of each step."""


async def a_course(world: World, repo: Repo, count: int) -> Sequence[LauncherId]:
    """Have as many launchers follow one source, all on its image."""
    first = await world.follow(repo.repository)
    await built(world)
    launcher = await world.launcher(first)
    others = [
        replace(
            launcher,
            id=LauncherId(f"{first}-{number:05}"),
            environment_id=EnvironmentId(f"environment-{number:05}"),
            name=f"notebooks-{number}",
        )
        for number in range(1, count)
    ]
    async with world.store.transaction() as tx:
        for other in others:
            await tx.launchers.add(other)
    return [first, *(other.id for other in others)]


async def images(world: World, launchers: Sequence[LauncherId]) -> Sequence[str | None]:
    """Return what launchers start from."""
    async with world.store.reading() as tx:
        return [launcher.image for launcher in await tx.launchers.some(launchers)]


async def _push_to_course(folder: Path, count: int) -> tuple[int, Sequence[int]]:
    """Return the statements of a push to its last launcher, and its messages' sizes."""
    repo = Repo(folder / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n"})
    async with a_world(folder) as world:
        launchers = await a_course(world, repo, count)
        before = len(world.events)
        with sent_statements("launchers", "rebuilds") as seen:
            await pushed(world, repo, requirements_txt="six==1.17.0\n")
            image = world.builder.succeed()
            await world.settle()
        assert await images(world, launchers) == [image] * count
        shared = [
            len(event.to_bytes())
            for event in world.events[before:]
            if event.name != "launcher.updated.v1"  # one for each, of constant size
        ]
        return len(seen), shared


def a_folder(within: Path, name: str) -> Path:
    folder = within / name
    folder.mkdir()
    return folder


async def test_neither_statements_nor_messages_grow_with_the_launchers(
    tmp_path: Path,
) -> None:
    few_folder, many_folder = a_folder(tmp_path, "few"), a_folder(tmp_path, "many")
    few, messages_for_few = await _push_to_course(few_folder, FEW)
    many, messages_for_many = await _push_to_course(many_folder, MANY)

    assert many <= few + 2
    assert len(messages_for_many) == len(messages_for_few)
    assert max(messages_for_many) <= max(messages_for_few) + 64


async def test_what_one_transaction_is_too_small_for_moves_in_pages(
    world: World, repo: Repo
) -> None:
    launchers = await a_course(world, repo, PAGES)

    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    image = world.builder.succeed()
    await world.watcher.watch()
    async with world.store.reading() as tx:
        left = await tx.schedule.served(limit=2)
    moved = await images(world, launchers)
    await world.reconciler.round()  # as after a crash: no message is handled
    after = await images(world, launchers)

    assert len(left) == 1
    assert moved.count(image) == BATCH
    assert set(after) == {image}


class AskingBuilder(ToldBuilder):
    """Takes the schedule's lock while it starts a build."""

    world: World

    async def start(self, build: Build) -> None:
        async with (
            asyncio.timeout(10),
            self.world.store.transaction(LOCK_SCHEDULE) as tx,
        ):
            await tx.builds.get(build.id)
        await super().start(build)


async def test_no_lock_is_held_while_a_builder_starts(world: World, repo: Repo) -> None:
    builder = AskingBuilder(clock=world.clock)
    asking = World(
        store=world.store,
        remote=world.remote,
        clock=world.clock,
        ids=world.ids,
        caps=world.caps,
        builder=builder,
    )
    builder.world = asking

    await asking.follow(repo.repository)
    await asking.settle()

    assert len(builder.running) == 1


class BusyBuilder(ToldBuilder):
    """Has another source pushed to at its first start; notes what each start left."""

    world: World
    other: Repo
    left: dict[str, int]

    async def start(self, build: Build) -> None:
        async with self.world.store.reading() as tx:
            left = await tx.schedule.unassigned(limit=3 * BATCH)
        if not self.left:
            await evaluated(self.world, self.other, "idna==3.2\n")
        self.left[build.repository_url] = len(left)
        await super().start(build)


async def evaluated(world: World, repo: Repo, requirements: str) -> None:
    """Push, and have it evaluated; nothing is scheduled."""
    repo.commit({"requirements.txt": requirements})
    await world.tell(repo.repository)
    world.clock.advance(timedelta(minutes=1))
    while await world.evaluator.process_one():
        pass


async def test_another_source_does_not_wait_for_the_pages_of_a_course(
    world: World, repo: Repo, tmp_path: Path
) -> None:
    builder = BusyBuilder(clock=world.clock)
    busy = World(
        store=world.store,
        remote=world.remote,
        clock=world.clock,
        ids=world.ids,
        caps=world.caps,
        builder=builder,
    )
    other = Repo(tmp_path / "other.git")
    other.commit({"requirements.txt": "idna==3.1\n"})
    builder.world, builder.other, builder.left = busy, other, {"": 0}
    await busy.follow(other.repository)
    await built(busy)
    await a_course(busy, repo, BATCH + PAGES)
    await evaluated(busy, repo, "six==1.17.0\n")
    builder.left.clear()

    await busy.scheduler.schedule()

    # The course lacks its first page when its build starts, and one rebuild more when
    # the other's does: the second page waited for that.
    assert builder.left == {repo.repository.url: PAGES, other.repository.url: PAGES - 1}
