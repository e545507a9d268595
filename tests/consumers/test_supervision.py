"""One item that brings out a fault of ours stops neither the others nor the process."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from consumers.building.garbage_collector import GarbageCollector
from consumers.hook_health import Health
from consumers.loops.supervisor import isolate
from consumers.loops.wakeup import Wakeup
from consumers.outbox_relay import OutboxRelay
from consumers.runner import Runner
from consumers.subscriptions import EVALUATION
from consumers.sweep import Sweep
from handlers.webhooks.delivery_log import DeliveryLog
from service.domain.building.build import BuildState
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import RefMissing
from service.domain.evaluation.sweep import PollPolicy
from service.domain.hook import HookId
from service.domain.launcher import LauncherId
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import TransientError
from service.events.envelope import Event
from service.events.models import Data, PushReceived, RepositoryData
from service.metrics import Metrics
from service.ports.bus import Bus, Message, Role
from tests.support.clock import NOW
from tests.support.deliveries import a_hook, a_record
from tests.support.memory import DefectiveStore, MemoryBus
from tests.support.repos import Repo
from tests.support.world import DEBOUNCE, World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as opened:
        yield opened


async def two_launchers(world: World, tmp_path: Path) -> list[LauncherId]:
    launchers = []
    for name in ("one", "two"):
        repo = Repo(tmp_path / f"{name}.git")
        repo.commit({"requirements.txt": f"six  # {name}\n{name}==1.0\n"})
        launchers.append(await world.follow(repo.repository, name=name))
    return launchers


async def states(world: World, launchers: Sequence[LauncherId]) -> set[BuildState]:
    return {(await world.rebuilds(launcher))[0].state for launcher in launchers}


def faults(logs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [log for log in logs if log.get("exc_info")]


def test_a_fault_is_logged_once_with_its_item_and_goes_no_further() -> None:
    def fail() -> None:
        raise ValueError("a fault")

    with capture_logs() as logs, isolate("hook not looked after", hook="hook-1"):
        fail()

    [fault] = logs
    assert (fault["event"], fault["hook"]) == ("hook not looked after", "hook-1")


def test_trouble_that_passes_is_the_loops() -> None:
    with pytest.raises(TransientError), isolate("anything"):
        raise TransientError("the database is away")


async def test_a_build_that_cannot_be_started_is_retried_and_others_start(
    world: World, tmp_path: Path
) -> None:
    world.builder.break_once("start")
    launchers = await two_launchers(world, tmp_path)

    with capture_logs() as logs:
        await world.settle()
    assert len(world.builder.running) == 1
    [fault] = faults(logs)
    assert fault["event"] == "build could not start"
    assert fault["build"]

    await world.later(31)
    assert len(world.builder.running) == 2
    for build in world.builder.running:
        world.builder.succeed(build)
    await world.settle()
    assert await states(world, launchers) == {BuildState.SUCCEEDED}


async def test_a_build_that_cannot_be_settled_does_not_hold_up_the_next(
    world: World, tmp_path: Path
) -> None:
    launchers = await two_launchers(world, tmp_path)
    await world.settle()
    for build in world.builder.running:
        world.builder.succeed(build)
    world.builder.break_once("release")

    await world.settle()

    assert await states(world, launchers) == {BuildState.SUCCEEDED}


async def test_what_cannot_be_forgotten_does_not_keep_the_rest(
    world: World, tmp_path: Path
) -> None:
    await two_launchers(world, tmp_path)
    await world.settle()
    for build in world.builder.running:
        world.builder.succeed(build)
    await world.settle()
    held = len(await world.builder.known_builds())
    world.builder.break_once("release")

    await GarbageCollector(
        store=world.store, builder=world.builder, clock=world.clock
    ).clean()

    assert len(await world.builder.known_builds()) <= max(0, held - 1)


async def test_workers_outlive_faults_of_what_they_stand_on(
    world: World, tmp_path: Path
) -> None:
    launchers = await two_launchers(world, tmp_path)
    async with world.store.transaction() as tx:
        events = await tx.outbox.peek(limit=10)
    await world.deliver([event for _, event in events])
    evaluator = world.evaluator
    evaluator._store = world.claims._store = DefectiveStore(world.store, faults=3)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(evaluator.run(at_once=2))
        async with asyncio.timeout(20):
            while not all(
                [await world.evaluations(launcher) for launcher in launchers]
            ):
                world.clock.advance(timedelta(seconds=1))
                await asyncio.sleep(0.01)
        assert not task.done()
        task.cancel()


class PickyBus(MemoryBus):
    """Has a defect for one event."""

    async def publish(self, events: Sequence[Event]) -> None:
        if any(event.id == "event-2" for event in events):
            raise ValueError("a fault of the bus")
        await super().publish(events)


async def test_an_event_that_cannot_be_published_lets_the_others_go_first(
    world: World,
) -> None:
    bus = PickyBus()
    relay = OutboxRelay(
        store=world.store,
        bus=cast("Bus", bus),
        clock=world.clock,
        wakeup=Wakeup(clock=world.clock),
        owner="one",
    )
    async with world.store.transaction() as tx:
        await tx.outbox.add([an_event(number) for number in range(6)])

    for _ in range(12):
        await relay.relay()

    assert sorted(event.id for event in bus.events) == [
        f"event-{value}" for value in (0, 1, 3, 4, 5)
    ]
    async with world.store.reading() as tx:
        assert [event.id for _, event in await tx.outbox.peek(limit=9)] == ["event-2"]


def an_event(number: int) -> Event:
    repository = RepositoryData(host="a.test", path="b/c", url="https://a.test/b/c")
    data = PushReceived(
        repository=repository, ref="refs/heads/main", trigger="push", received_at=NOW
    )
    return Event.of(data, id=f"event-{number}", time=NOW)


async def test_a_record_that_cannot_be_written_takes_no_other_with_it(
    world: World,
) -> None:
    metrics = Metrics(registry=CollectorRegistry())
    log = DeliveryLog(store=world.store, clock=world.clock, metrics=metrics, keep=100)
    async with world.store.transaction() as tx:
        await tx.hooks.add(a_hook(id=HookId("hook-1")))
    for name, headers in (("d-1", {}), ("d-2", {"x": object()}), ("d-3", {})):
        log.note(a_record(id=DeliveryId(name), headers=headers))

    with capture_logs() as logs:
        await log.flush()

    async with world.store.reading() as tx:
        found = await tx.deliveries.list(hook=HookId("hook-1"), limit=9)
    assert {delivery.id for delivery in found} == {"d-1", "d-3"}
    assert [fault["delivery"] for fault in faults(logs)] == ["d-2"]


class FaultyHeads:
    """Has a defect for one repository."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        self.asked.append(repository.path)
        if repository.path.endswith("one"):
            raise RuntimeError("a fault of the forge's client")
        return {
            revision: Head(commit=CommitSha("b" * 40), ref=None)
            for revision in revisions
        }


async def test_a_repository_that_breaks_the_sweep_has_only_its_own_turn_spoilt(
    world: World, tmp_path: Path
) -> None:
    await two_launchers(world, tmp_path)
    heads = FaultyHeads()
    sweep = Sweep(
        store=world.store,
        heads=heads,
        anonymous_heads=heads,
        clock=world.clock,
        poll_policy=PollPolicy(),
        per_hour=100_000_000,
        debounce=DEBOUNCE,
        wakeup=Wakeup(clock=world.clock),
        chance=lambda: 0.5,
    )
    await sweep.round()
    world.clock.advance(PollPolicy().first * 2)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(sweep.round())
        while not task.done():
            world.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0.01)

    assert len(heads.asked) == 2


class FaultyMaintainer:
    """Has a defect for one hook."""

    def __init__(self) -> None:
        self.visited: list[HookId] = []

    async def check(self, hook: HookId) -> None:
        self.visited.append(hook)
        if len(self.visited) == 1:
            raise RuntimeError("a fault of the examiner")


async def test_a_hook_that_cannot_be_looked_after_is_passed_over(world: World) -> None:
    maintainer = FaultyMaintainer()
    async with world.store.transaction() as tx:
        for name in ("hook-1", "hook-2"):
            await tx.hooks.add(a_hook(id=HookId(name)))
    health = Health(
        store=world.store,
        clock=world.clock,
        maintainer=cast("Any", maintainer),
        interval=timedelta(minutes=1),
    )

    async with asyncio.TaskGroup() as group:
        task = group.create_task(health.go_round())
        while not task.done():
            world.clock.advance(timedelta(minutes=1))
            await asyncio.sleep(0.01)

    assert sorted(maintainer.visited) == ["hook-1", "hook-2"]


class OddMessage:
    """Cannot be acknowledged."""

    attempt = 1
    body = an_event(1).to_bytes()

    async def ack(self) -> None:
        raise RuntimeError("a fault of the bus")


class OddBus:
    """Has an odd message, and then one more that is like it."""

    async def messages(
        self, role: Role, *, prefetch: int
    ) -> AsyncGenerator[Message, None]:
        del role, prefetch
        for _ in range(2):
            yield cast("Message", OddMessage())


async def test_a_message_that_cannot_be_settled_leaves_the_others(world: World) -> None:
    handled: list[str] = []

    async def handle(event: Event, data: Data) -> None:
        del data
        handled.append(event.id)
        await asyncio.sleep(0)

    del world
    bus = cast("Bus", OddBus())
    await Runner(bus=bus, role=EVALUATION, handle=handle, prefetch=1).run()

    assert handled == ["event-1", "event-1"]
