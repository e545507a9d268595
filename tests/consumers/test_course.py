"""A source with many launchers costs the statements and messages of one with few."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event as sqlalchemy_event

from service.domain.building.build import Build, EnvironmentId
from service.domain.launcher import LauncherId
from service.ports.store import BATCH, LOCK_SCHEDULE
from tests.consumers.steps import built, pushed
from tests.support.builders import ToldBuilder
from tests.support.repos import Repo
from tests.support.world import World, a_world

FEW: Final = 3
MANY: Final = 300
PAGES: Final = BATCH + 20
"""Launchers for two transactions of each step."""


@contextmanager
def statements_about_launchers() -> Iterator[list[str]]:
    """Note every statement on launchers or rebuilds; one for many rows is one."""
    seen: list[str] = []

    def note(*facts: Any) -> None:
        statement: str = facts[2]
        if "launchers" in statement or "rebuilds" in statement:
            seen.append(statement)

    sqlalchemy_event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy_event.remove(Engine, "before_cursor_execute", note)


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
        with statements_about_launchers() as seen:
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


class CountingBuilder(ToldBuilder):
    """Notes at each start how many rebuilds had no build yet."""

    world: World
    left: dict[str, int]

    async def start(self, build: Build) -> None:
        async with self.world.store.reading() as tx:
            left = await tx.schedule.unassigned(limit=BATCH)
        self.left[build.repository_url] = len(left)
        await super().start(build)


async def test_another_source_does_not_wait_for_the_pages_of_a_course(
    world: World, repo: Repo, tmp_path: Path
) -> None:
    builder = CountingBuilder(clock=world.clock)
    counting = World(
        store=world.store,
        remote=world.remote,
        clock=world.clock,
        ids=world.ids,
        caps=world.caps,
        builder=builder,
    )
    builder.world, builder.left = counting, {}
    other = Repo(tmp_path / "other.git")
    other.commit({"requirements.txt": "idna==3.1\n"})
    await counting.follow(other.repository)
    await built(counting)
    await a_course(counting, repo, PAGES)
    for one, line in ((repo, "six==1.17.0\n"), (other, "idna==3.2\n")):
        one.commit({"requirements.txt": line})
        await counting.tell(one.repository)
        counting.clock.advance(timedelta(minutes=1))
        while await counting.evaluator.process_one():
            pass
    builder.left.clear()

    await counting.scheduler.schedule()

    assert builder.left == {
        repo.repository.url: PAGES - BATCH,
        other.repository.url: PAGES - BATCH,
    }
