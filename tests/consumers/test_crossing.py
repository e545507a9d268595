"""Evaluations, schedule, watcher and rollout of several processes at once.

All of them lock launchers, rebuilds and builds, each for its own reasons; on one
PostgreSQL none of them may be ended by the database because another waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, event

from service.adapters.store import SqlStore, open_database
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.launcher import Launcher, LauncherId
from service.domain.repository import Repository
from service.errors import InvalidRequestError
from service.events.envelope import Event
from tests.support.builders import ToldBuilder
from tests.support.clock import TurnedClock
from tests.support.databases import KEYS, migrated_schema
from tests.support.ids import CountedIds
from tests.support.memory_forge import MemoryForge
from tests.support.world import World

PROCESSES = 2
SOURCES = 4
LAUNCHERS = 3
STEPS = 8


@dataclass
class Crowd:
    """Processes of one service, of which the first leads."""

    worlds: Sequence[World]
    forge: MemoryForge
    clock: TurnedClock
    chance: Random
    launchers: list[LauncherId] = field(default_factory=list)
    is_over: bool = False

    @property
    def leader(self) -> World:
        return self.worlds[0]

    async def follow_all(self) -> None:
        # One launcher of each source, then the next: their ids cross.
        for number in range(LAUNCHERS):
            for place, repository in enumerate(self.forge.repositories):
                self.launchers.append(
                    await self.leader.follow(
                        repository.name,
                        name=f"launcher {number}",
                        project=f"project-{(place + number) % 3}",
                    )
                )

    async def work(self, talk: Callable[[], Awaitable[None]]) -> None:
        """Have everybody work while somebody talks, and until nothing is left."""
        self.is_over = False
        async with asyncio.TaskGroup() as group:
            for world in self.worlds:
                for _ in range(2):
                    group.create_task(self._again(world.evaluator.process_one))
                for _ in range(2):
                    group.create_task(self._again(self._carry))
                group.create_task(self._again(world.rollout.resume))
                group.create_task(self._again(world.reconciler.round))
            for _ in range(2):
                group.create_task(self._again(self.leader.scheduler.schedule))
                group.create_task(self._again(self.leader.watcher.watch))
            group.create_task(self._again(self._end_builds))
            await talk()
            async with asyncio.timeout(60):
                while await self.is_busy():
                    self.clock.advance(timedelta(seconds=3))
                    await asyncio.sleep(0.05)
            self.is_over = True

    async def is_busy(self) -> bool:
        async with self.leader.store.reading() as tx:
            return bool(
                await tx.outbox.peek(limit=1)
                or await tx.evaluation_queue.next_due()
                or await tx.rebuilds.unfinished()
            )

    async def _again(self, step: Callable[[], Awaitable[object]]) -> None:
        while not self.is_over:
            await step()
            await asyncio.sleep(self.chance.random() / 20)

    async def _carry(self) -> None:
        async with self.leader.store.transaction("relay") as tx:
            waiting = await tx.outbox.peek(limit=20)
            await tx.outbox.remove([place for place, _ in waiting])
        async with asyncio.TaskGroup() as group:
            for _, carried in waiting:
                group.create_task(self._deliver(carried))

    async def _deliver(self, carried: Event) -> None:
        # Builds are the leader's, the rest is anybody's.
        is_building = carried.name.startswith(("rebuild.", "build."))
        world = self.leader if is_building else self.chance.choice(self.worlds)
        await world.deliver([carried])

    async def _end_builds(self) -> None:
        for build in self.leader.builder.running[:3]:
            self.leader.builder.succeed(build)

    async def disturb(self) -> None:
        """Ask for a rebuild and cancel one, as people do."""
        launcher = self.chance.choice(self.launchers)
        world = self.chance.choice(self.worlds)
        environment = (await world.launcher(launcher)).environment_id
        await world.rebuild_requester.request(environment, queue=True)
        for rebuild in await world.rebuilds(self.chance.choice(self.launchers)):
            if not rebuild.state.is_final:
                with suppress(InvalidRequestError):  # it ended meanwhile
                    await world.cancel(rebuild.id)

    async def states(self) -> Sequence[Launcher]:
        return [await self.leader.launcher(launcher) for launcher in self.launchers]


@asynccontextmanager
async def a_crowd() -> AsyncIterator[Crowd]:
    names = [
        Repository(
            host="forge.test",
            path=f"uni/course-{number}",
            url=f"https://forge.test/uni/course-{number}",
        )
        for number in range(SOURCES)
    ]
    clock, ids, forge = TurnedClock(), CountedIds(), MemoryForge(names)
    builder = ToldBuilder(clock=clock)
    worlds = []
    async with migrated_schema() as url, AsyncExitStack() as stack:
        for number in range(PROCESSES):
            database = await stack.enter_async_context(open_database(url, keys=KEYS))
            worlds.append(
                World(
                    store=SqlStore(database),
                    remote=forge,
                    clock=clock,
                    ids=ids,
                    caps=ConcurrencyLimits(in_all=6, per_project=4),
                    builder=ToldBuilder(clock=clock, beside=builder)
                    if number
                    else builder,
                )
            )
        yield Crowd(worlds=worlds, forge=forge, clock=clock, chance=Random(2))


@contextmanager
def noted_deadlocks() -> Iterator[list[str]]:
    """Note every statement that the database ended because of a deadlock."""
    seen: list[str] = []

    def note(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", None) == "40P01":
            seen.append(str(context.statement))

    event.listen(Engine, "handle_error", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "handle_error", note)


@pytest.mark.postgresql
async def test_processes_that_cross_are_not_ended_by_the_database() -> None:
    async with a_crowd() as crowd:
        with noted_deadlocks() as deadlocks:
            await crowd.work(partial(_talk, crowd))

        assert deadlocks == []
        async with crowd.leader.store.reading() as tx:
            assert (
                await tx.evaluation_queue.pending(
                    {launcher.tracked_source for launcher in await crowd.states()}
                )
                == []
            )
        assert all(one.image_key == one.wanted_key for one in await crowd.states())


async def _talk(crowd: Crowd) -> None:
    for repository in crowd.forge.repositories:
        crowd.forge.commit(repository, {"requirements.txt": "six\n"})
    await crowd.follow_all()
    for step in range(STEPS):
        for place, repository in enumerate(crowd.forge.repositories):
            # Some want what others want, and what they had before.
            version = (step + place % 2) % 3
            crowd.forge.commit(repository, {"requirements.txt": f"six==1.{version}\n"})
            await crowd.chance.choice(crowd.worlds).tell(repository.name)
        await crowd.disturb()
        # Longer than pushes are waited for: the next ones cross what these began.
        crowd.clock.advance(timedelta(seconds=3))
        await asyncio.sleep(0.1)
