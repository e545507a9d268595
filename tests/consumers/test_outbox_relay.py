"""The outbox is carried once and in order, whoever dies and whatever is away."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from consumers.loops.wakeup import Wakeup
from consumers.outbox_relay import LEASE, OutboxRelay
from service.adapters.store import SqlStore
from service.domain.hook import Secret
from service.errors import TransientError
from service.events.envelope import Event
from service.events.models import LauncherUpdated
from service.ports.bus import Bus
from service.ports.store import Store
from tests.support.clock import NOW, TurnedClock
from tests.support.databases import TEST_KEY, sqlite_database
from tests.support.memory import MemoryBus


class SlowBus(MemoryBus):
    """Takes its time over every batch, as a broker does."""

    async def publish(self, events: Sequence[Event]) -> None:
        await asyncio.sleep(0.01)
        await super().publish(events)


class WeakBus(MemoryBus):
    """Confirms no more than a few events within its time."""

    async def publish(self, events: Sequence[Event]) -> None:
        if len(events) > 10:
            raise TransientError("no confirm within 2 s")
        await super().publish(events)


def an_event(number: int) -> Event:
    data = LauncherUpdated(
        launcher_id="launcher-1",
        environment_id="environment-1",
        project_id="project-1",
        action="moved",
        image="image",
        generation=number,
    )
    return Event.of(data, id=f"event-{number:04}", time=NOW)


def a_relay(
    store: Store, bus: MemoryBus, clock: TurnedClock, owner: str
) -> OutboxRelay:
    return OutboxRelay(
        store=store,
        bus=cast("Bus", bus),
        clock=clock,
        wakeup=Wakeup(clock=clock),
        owner=owner,
    )


async def commit(store: Store, numbers: range) -> list[Event]:
    events = [an_event(number) for number in numbers]
    async with store.transaction() as tx:
        await tx.outbox.add(events)
    return events


async def test_several_relays_carry_a_backlog_once_and_in_order(tmp_path: Path) -> None:
    bus, clock = SlowBus(), TurnedClock()
    keys = [Secret(TEST_KEY)]
    async with sqlite_database(tmp_path / "relaunch.db", keys=keys) as db:
        store = SqlStore(db)
        events = await commit(store, range(1000))
        relays = [a_relay(store, bus, clock, name) for name in ("one", "two", "three")]

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(relay.run()) for relay in relays]
            async with asyncio.timeout(20):
                while len(bus.events) < len(events):
                    clock.advance(timedelta(seconds=1))
                    await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()

    assert bus.events == events


async def test_what_the_bus_refused_is_carried_by_whoever_reaches_it(
    tmp_path: Path,
) -> None:
    here, there, clock = MemoryBus(), MemoryBus(), TurnedClock()
    here.is_broken = True
    keys = [Secret(TEST_KEY)]
    async with sqlite_database(tmp_path / "relaunch.db", keys=keys) as db:
        store = SqlStore(db)
        events = await commit(store, range(3))

        with pytest.raises(TransientError):
            await a_relay(store, here, clock, "one").relay()
        moved = await a_relay(store, there, clock, "two").relay()

    assert moved == 3
    assert there.events == events


async def test_a_bus_that_takes_little_at_a_time_takes_everything_in_the_end(
    tmp_path: Path,
) -> None:
    bus, clock = WeakBus(), TurnedClock()
    keys = [Secret(TEST_KEY)]
    async with sqlite_database(tmp_path / "relaunch.db", keys=keys) as db:
        store = SqlStore(db)
        events = await commit(store, range(200))

        async with asyncio.TaskGroup() as group:
            task = group.create_task(a_relay(store, bus, clock, "one").run())
            async with asyncio.timeout(20):
                while len(bus.events) < len(events):
                    clock.advance(timedelta(seconds=1))
                    await asyncio.sleep(0.01)
            task.cancel()

    assert bus.events == events


async def test_a_relay_that_died_holds_events_up_until_its_lease_ends(
    tmp_path: Path,
) -> None:
    bus, clock = MemoryBus(), TurnedClock()
    keys = [Secret(TEST_KEY)]
    async with sqlite_database(tmp_path / "relaunch.db", keys=keys) as db:
        store = SqlStore(db)
        await commit(store, range(3))
        async with store.transaction() as tx:
            await tx.leases.acquire("relay", owner="dead", now=NOW, length=LEASE)
        relay = a_relay(store, bus, clock, "two")

        before = await relay.relay()
        clock.advance(LEASE)
        after = await relay.relay()

    assert (before, after) == (0, 3)
