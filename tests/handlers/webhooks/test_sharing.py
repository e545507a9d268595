"""A storm of deliveries of one ref is few messages, and every one of them is kept."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from handlers.webhooks.events import Arrival, event_of
from handlers.webhooks.publish import MAX_SHARED, DurablePublisher, SharingPublisher
from service.domain.delivery import DeliveryId
from service.errors import TransientError
from service.events.envelope import Event, data_of
from service.events.models import PushReceived
from service.forges.changed_paths import MAX_PATHS
from service.metrics import Metrics
from tests.support.clock import NOW
from tests.support.deliveries import COURSE, an_arrival
from tests.support.ids import CountedIds
from tests.support.memory import BreakableStore, MemoryBus


@dataclass
class HeldBus(MemoryBus):
    """Confirms what it was given when it is let go."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        super().__init__()

    async def publish(self, events: Sequence[Event]) -> None:
        self.attempts += 1
        await self.gate.wait()
        await self._trouble()
        self.events += events

    @property
    def pushes(self) -> list[PushReceived]:
        found = map(data_of, self.events)
        return [data for data in found if isinstance(data, PushReceived)]


@pytest.fixture
def bus() -> HeldBus:
    return HeldBus()


Make = Callable[[timedelta], SharingPublisher]


@pytest.fixture
def make(bus: HeldBus, broken_store: BreakableStore) -> Make:
    def made(budget: timedelta) -> SharingPublisher:
        metrics = Metrics(registry=CollectorRegistry())
        publisher = DurablePublisher(
            store=broken_store, bus=bus, metrics=metrics, budget=timedelta(seconds=30)
        )
        return SharingPublisher(publisher=publisher, ids=CountedIds(), budget=budget)

    return made


@pytest.fixture
def broken_store() -> BreakableStore:
    class NoStore:
        """Is never asked: the store in front of it fails."""

    store = BreakableStore(NoStore())  # type: ignore[arg-type]
    store.is_write_broken = True
    return store


@pytest.fixture
def sharing(make: Make) -> SharingPublisher:
    return make(timedelta(seconds=30))


def sent(name: str, ref: str = "refs/heads/main") -> Arrival:
    return an_arrival(name, COURSE, ref=ref, id_=DeliveryId(name), at=NOW)


def named(data: PushReceived) -> list[str]:
    return [*(one.delivery_id for one in data.earlier), str(data.delivery_id)]


async def begin(
    group: asyncio.TaskGroup, sharing: SharingPublisher, names: Sequence[str]
) -> list[asyncio.Task[None]]:
    tasks = [group.create_task(sharing.publish([sent(name)])) for name in names]
    await asyncio.sleep(0)
    return tasks


async def test_those_that_come_during_a_publish_share_the_next(
    bus: HeldBus, sharing: SharingPublisher
) -> None:
    names = [f"d{number}" for number in range(50)]
    async with asyncio.TaskGroup() as group:
        tasks = await begin(group, sharing, names)
        await asyncio.sleep(0)
        assert bus.attempts == 1
        assert not any(task.done() for task in tasks)
        bus.gate.set()

    assert [named(data) for data in bus.pushes] == [["d0"], names[1:]]
    assert bus.pushes[1].after == "d49"


def test_an_event_of_several_names_what_each_changed_the_newest_first() -> None:
    arrivals = [
        an_arrival(name, COURSE, id_=DeliveryId(name), at=NOW, changed=paths)
        for name, paths in (
            ("d0", ("a.txt", "b.txt")),
            ("d1", ("b.txt", "c.txt")),
            ("d2", tuple(f"{number}.txt" for number in range(MAX_PATHS - 3))),
        )
    ]

    data = data_of(event_of(arrivals, ids=CountedIds()))

    assert isinstance(data, PushReceived)
    assert data.changed_paths[-3:] == ("b.txt", "c.txt", "a.txt")
    assert len(data.changed_paths) == MAX_PATHS


def test_code_that_was_pushed_last_leaves_room_for_a_definition_before_it() -> None:
    code = tuple(f"src/{number}/lib.c" for number in range(MAX_PATHS))
    arrivals = [
        an_arrival(name, COURSE, id_=DeliveryId(name), at=NOW, changed=paths)
        for name, paths in (("d0", ("requirements.txt",)), ("d1", code))
    ]

    data = data_of(event_of(arrivals, ids=CountedIds()))

    assert isinstance(data, PushReceived)
    assert data.changed_paths[0] == "requirements.txt"
    assert len(data.changed_paths) == MAX_PATHS


async def test_each_ref_has_its_own_events(
    bus: HeldBus, sharing: SharingPublisher
) -> None:
    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "c"):
            for ref in ("refs/heads/main", "refs/heads/next"):
                group.create_task(sharing.publish([sent(f"{name} {ref}", ref)]))
        await asyncio.sleep(0)
        bus.gate.set()

    assert {data.ref for data in bus.pushes} == {"refs/heads/main", "refs/heads/next"}
    assert all(name.endswith(data.ref) for data in bus.pushes for name in named(data))
    assert sum(len(named(data)) for data in bus.pushes) == 6


async def test_an_event_stays_small(bus: HeldBus, sharing: SharingPublisher) -> None:
    names = [f"d{number}" for number in range(2 * MAX_SHARED + 2)]
    async with asyncio.TaskGroup() as group:
        await begin(group, sharing, names)
        bus.gate.set()

    assert [len(named(data)) for data in bus.pushes] == [1, MAX_SHARED, MAX_SHARED, 1]
    assert sorted(name for data in bus.pushes for name in named(data)) == sorted(names)


async def test_nobody_is_confirmed_by_what_failed(
    bus: HeldBus, sharing: SharingPublisher
) -> None:
    bus.is_broken = True
    arrivals = [sharing.publish([sent(name)]) for name in "abc"]
    tasks = [asyncio.ensure_future(arrival) for arrival in arrivals]  # noqa: TID251
    await asyncio.sleep(0)
    bus.gate.set()
    with capture_logs() as lines:
        await asyncio.wait(tasks)

    assert all(isinstance(task.exception(), TransientError) for task in tasks)
    assert [line["deliveries"] for line in lines] == [["a"], ["b", "c"]]


async def test_who_leaves_takes_nobody_along(
    bus: HeldBus, sharing: SharingPublisher
) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = await begin(group, sharing, ["a", "leads", "follows", "last"])
        tasks[1].cancel()
        tasks[3].cancel()
        await asyncio.sleep(0)
        bus.gate.set()

    assert not tasks[2].cancelled()
    kept = [name for data in bus.pushes for name in named(data)]
    assert {"a", "follows"} <= set(kept)


async def test_a_hanging_event_delays_the_next_by_one_budget(
    bus: HeldBus, make: Make
) -> None:
    sharing = make(timedelta(seconds=0.05))
    async with asyncio.TaskGroup() as group:
        await begin(group, sharing, ["a", "b", "c"])
        await asyncio.sleep(0.2)
        assert bus.attempts == 2
        bus.gate.set()

    assert [named(data) for data in bus.pushes] == [["a"], ["b", "c"]]


async def test_nothing_is_remembered_of_a_ref_that_is_quiet(
    bus: HeldBus, sharing: SharingPublisher
) -> None:
    bus.gate.set()
    await sharing.publish([sent("a")])
    await sharing.publish([sent("b"), sent("c", "refs/heads/next")])

    assert [named(data) for data in bus.pushes] == [["a"], ["b"], ["c"]]
    assert sharing.refs == 0


async def test_the_body_of_a_delivery_is_read_once_for_all_refs_that_it_moved(
    bus: HeldBus, sharing: SharingPublisher
) -> None:
    bus.gate.set()
    added = [f"{number}/requirements.txt" for number in range(4_000)]
    body = json.dumps({"commits": [{"added": added}]}).encode()
    arrivals = [
        structs.replace(sent(f"d{number}", f"refs/heads/b{number}"), body=body)
        for number in range(300)
    ]
    began = time.thread_time()

    await sharing.publish(arrivals)

    assert time.thread_time() - began < 0.5
    assert {len(data.changed_paths) for data in bus.pushes} == {MAX_PATHS}
