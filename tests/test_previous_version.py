"""A database that version 0.1.0 left in the middle of its work opens and drains.

`recorded/databases/0.1.0.sql` was written by the script beside it, at commit f9e9a59.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.loops.wakeup import Wakeup
from consumers.outbox_relay import OutboxRelay
from consumers.runner import Handle, Runner
from consumers.subscriptions import (
    BUILDING,
    COMMIT_STATUS,
    EVALUATION,
    ROLES,
    ROLLOUT,
)
from service.adapters.embedded_bus.bus import TableBus
from service.adapters.git.remote import GitRemote
from service.adapters.store import SqlStore, open_database
from service.domain.building.build import BuildState
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.hook import HookId, Secret
from service.domain.hook_health import HookProblem
from service.domain.push import Trigger
from service.events.envelope import Event, data_of
from service.events.models import (
    Data,
    EnvironmentEvaluated,
    EvaluationRequested,
    HookUnhealthy,
    PushReceived,
)
from service.ports.bus import Role
from tests.support.clock import TurnedClock
from tests.support.databases import TEST_KEY
from tests.support.ids import CountedIds
from tests.support.repos import Repo
from tests.support.world import World

RECORDED = Path(__file__).parent / "recorded" / "databases" / "0.1.0.sql"


@dataclass
class Upgraded:
    """Today's service over the database of then."""

    world: World
    bus: TableBus
    repo: Repo
    statuses: list[Data]
    """What the role of commit statuses was given."""

    async def relay(self) -> None:
        """Publish the outbox."""
        clock = self.world.clock
        relay = OutboxRelay(
            store=self.world.store,
            bus=self.bus,
            clock=clock,
            wakeup=Wakeup(clock=clock),
            owner="today",
        )
        while await relay.relay():
            pass

    async def consume(self) -> None:
        """Handle what the bus holds, until nothing has come for a while."""

        async def note(event: Event, data: Data) -> None:
            del event
            self.statuses.append(data)

        handlers: Mapping[Role, Handle] = {
            EVALUATION: self.world.enqueuer.handle,
            BUILDING: self.world.scheduler.handle,
            ROLLOUT: self.world.rollout.handle,
            COMMIT_STATUS: note,
        }
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(
                    Runner(bus=self.bus, role=role, handle=handle, prefetch=4).run()
                )
                for role, handle in handlers.items()
            ]
            await asyncio.sleep(1)
            for task in running:
                task.cancel()


@pytest.fixture
async def upgraded(tmp_path: Path) -> AsyncIterator[Upgraded]:
    repo = Repo(tmp_path / "repository")
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    path = tmp_path / "relaunch.sqlite"
    with sqlite3.connect(path) as connection:
        recorded = RECORDED.read_text().replace("REPOSITORY_PATH", str(repo.path)[1:])
        connection.executescript(recorded)
    connection.close()
    clock, ids = TurnedClock(), CountedIds()
    clock.advance(timedelta(days=1))
    for _ in range(100):
        ids.new()  # those of then are taken
    async with open_database(f"sqlite:///{path}", keys=[Secret(TEST_KEY)]) as database:
        yield Upgraded(
            world=World(
                store=SqlStore(database),
                remote=GitRemote(environment={}, allow_files=True),
                clock=clock,
                ids=ids,
                caps=ConcurrencyLimits(in_all=4, per_project=4),
            ),
            bus=TableBus(database, roles=ROLES, clock=clock),
            repo=repo,
            statuses=[],
        )


async def test_what_waited_in_outbox_bus_and_queue_is_handled(
    upgraded: Upgraded,
) -> None:
    world = upgraded.world
    async with world.store.reading() as tx:
        (built, waiting) = sorted(
            await tx.launchers.list(), key=lambda launcher: launcher.name
        )
        before = await tx.evaluation_queue.requests(built.tracked_source)
    await upgraded.relay()
    await upgraded.consume()
    async with world.store.reading() as tx:
        asks = await tx.evaluation_queue.requests(built.tracked_source)
        assert await tx.outbox.peek(limit=1) == []

    assert [request.trigger for _, request in before] == [Trigger.SWEEP, Trigger.PUSH]
    # The push that was on the bus, the push and the request of the outbox.
    assert [request.trigger for _, request in asks[2:]] == [
        Trigger.PUSH,
        Trigger.LAUNCHER,
        Trigger.PUSH,
    ]
    assert {type(data).__name__ for data in upgraded.statuses} == {
        "EnvironmentEvaluated",
        "BuildFinished",
    }
    for data in upgraded.statuses:
        assert not isinstance(data, EnvironmentEvaluated) or data.trigger == "launcher"

    await world.settle()
    (build,) = world.builder.running
    world.builder.succeed(build)
    await world.settle()

    for launcher in (built, waiting):
        newest = (await world.rebuilds(launcher.id))[0]
        assert newest.state is BuildState.SUCCEEDED


async def test_dead_letters_of_then_are_listed_requeued_and_handled(
    upgraded: Upgraded,
) -> None:
    (letter,) = await upgraded.bus.dead_letters()
    assert await upgraded.bus.dead_letters("evaluation") == [letter]
    assert await upgraded.bus.dead_letters("building") == []
    assert (letter.role, letter.error) == ("evaluation", "RuntimeError: a bug of then")
    assert isinstance(data_of(Event.from_bytes(letter.event)), EvaluationRequested)

    await upgraded.bus.requeue(letter.id)
    await upgraded.consume()

    assert await upgraded.bus.dead_letters() == []


async def test_hooks_of_then_keep_their_problems_and_are_told_with_a_remedy(
    upgraded: Upgraded,
) -> None:
    async with upgraded.world.store.reading() as tx:
        hook = await tx.hooks.get(HookId("hook-1"))
        spooled = [data_of(event) for _, event in await tx.outbox.peek(limit=10)]

    assert hook.health is not None
    assert hook.health.problems == (HookProblem.INACTIVE, HookProblem.NO_SECRET)
    assert [type(data) for data in spooled] == [
        EvaluationRequested,
        PushReceived,
        HookUnhealthy,
    ]
    assert isinstance(spooled[2], HookUnhealthy)
    assert spooled[2].remedy == hook.health.remedy
