"""One process of several leads; never two, and none only for a short while."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType

import pytest

from consumers.loops.leader import LEASE, MARGIN, RENEW, Leader
from service.adapters.store import SqlStore, open_database
from service.domain.hook import Secret
from service.errors import PermanentError
from service.ports.store import Store
from tests.support.clock import TurnedClock
from tests.support.databases import TEST_KEY
from tests.support.memory import BreakableStore

SECOND = timedelta(seconds=1)


@dataclass
class Throne:
    """What only one may hold; notes who does."""

    now: list[str] = field(default_factory=list)
    works: dict[str, int] = field(default_factory=dict)

    @property
    def holder(self) -> str:
        assert len(self.now) <= 1, "two lead at once"
        return self.now[0] if self.now else ""


Entering = Callable[[], Awaitable[None]]


class Seat:
    """One process's way to the throne."""

    def __init__(self, throne: Throne, name: str, entering: Entering) -> None:
        self._throne = throne
        self._name = name
        self._entering = entering

    async def __aenter__(self) -> None:
        await self._entering()
        self._throne.now.append(self._name)
        assert self._throne.holder == self._name

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._throne.now.remove(self._name)


async def at_once() -> None:
    """Enter without waiting."""


@dataclass
class Process:
    """One of those that try to lead, with a clock and a database link of its own."""

    name: str
    clock: TurnedClock
    store: BreakableStore
    leader: Leader
    task: asyncio.Task[None] | None = None

    async def end(self) -> None:
        """Ask it to stop."""
        assert self.task is not None
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


@dataclass
class Realm:
    """Processes over one database."""

    store: Store
    group: asyncio.TaskGroup
    throne: Throne = field(default_factory=Throne)
    processes: list[Process] = field(default_factory=list)

    def join(self, name: str, *, entering: Entering = at_once) -> Process:
        clock, store = TurnedClock(), BreakableStore(self.store)

        async def work() -> None:
            while True:
                self.throne.works[name] = self.throne.works.get(name, 0) + 1
                await clock.sleep(SECOND)

        leader = Leader(
            store=store,
            clock=clock,
            owner=name,
            resource=Seat(self.throne, name, entering),
            loops=[work],
        )
        process = Process(name, clock, store, leader)
        process.task = self.group.create_task(leader.run())
        self.processes.append(process)
        return process

    async def pass_time(self, length: timedelta, *, but: Process | None = None) -> None:
        """Let time pass for all but one process, that is as if it were frozen."""
        for _ in range(int(length / SECOND)):
            for process in self.processes:
                if process is not but:
                    process.clock.advance(SECOND)
            await self.settle()
            if but is None:
                assert self.throne.holder in {
                    "",
                    *(item.name for item in self.processes),
                }

    async def until_led_by(self, name: str) -> None:
        """Wait for what is under way; a busy machine takes its time over it."""
        while self.throne.holder != name:
            await self.settle()

    async def settle(self) -> None:
        """Give everybody time for what there is to do now."""
        await settled()
        # Time that passes meanwhile would depose a leader whose database only takes
        # its time.
        while any(process.store.under_way for process in self.processes):
            await settled()


async def settled() -> None:
    """Give everybody time for what there is to do now."""
    await asyncio.sleep(0.03)


@pytest.fixture
async def realm(tmp_path: Path) -> AsyncIterator[Realm]:
    async with a_realm(tmp_path) as realm:
        yield realm


@asynccontextmanager
async def a_realm(folder: Path) -> AsyncIterator[Realm]:
    url = f"sqlite:///{folder}/relaunch.db"
    async with (
        open_database(url, keys=[Secret(TEST_KEY)]) as database,
        asyncio.TaskGroup() as group,
    ):
        realm = Realm(store=SqlStore(database), group=group)
        yield realm
        for process in realm.processes:
            await process.end()


async def test_of_several_one_leads_and_works(realm: Realm) -> None:
    for name in ("one", "two", "three"):
        realm.join(name)

    await realm.pass_time(LEASE * 3)

    (name,) = realm.throne.works
    assert realm.throne.holder == name
    assert realm.throne.works[name] >= LEASE * 3 / SECOND


async def test_a_leader_that_stops_is_followed_at_once(realm: Realm) -> None:
    one = realm.join("one")
    await realm.settle()
    realm.join("two")
    await realm.settle()

    await one.end()
    await realm.pass_time(RENEW)

    await realm.until_led_by("two")


async def test_a_leader_without_its_database_stops_before_its_lease_ends(
    realm: Realm,
) -> None:
    one = realm.join("one")
    await realm.settle()
    realm.join("two")
    await realm.settle()

    one.store.is_write_broken = True
    await realm.pass_time(LEASE - SECOND)
    stopped = realm.throne.holder != "one"
    await realm.pass_time(RENEW + SECOND)

    assert stopped
    await realm.until_led_by("two")


async def test_a_leader_stops_in_time_though_its_database_lets_go_of_nobody(
    realm: Realm,
) -> None:
    one = realm.join("one")
    await realm.settle()
    realm.join("two")
    await realm.settle()

    one.store.answers.clear()
    await realm.pass_time(LEASE - SECOND)
    stopped = realm.throne.holder != "one"
    await realm.pass_time(RENEW + SECOND)
    await realm.until_led_by("two")
    worked = realm.throne.works["one"]
    await realm.pass_time(LEASE)
    one.store.answers.set()

    assert stopped
    assert realm.throne.holder == "two"
    assert realm.throne.works["one"] == worked


async def test_a_short_trouble_with_the_database_deposes_nobody(realm: Realm) -> None:
    one = realm.join("one")
    await realm.settle()
    realm.join("two")
    await realm.settle()

    one.store.is_write_broken = True
    await realm.pass_time(RENEW + SECOND)
    one.store.is_write_broken = False
    await realm.pass_time(LEASE * 2)

    assert set(realm.throne.works) == {"one"}


async def test_a_leader_that_was_frozen_stops_as_soon_as_it_wakes(realm: Realm) -> None:
    one = realm.join("one", entering=at_once)
    await realm.settle()
    realm.throne = Throne()  # the frozen one cannot notice that it is deposed
    realm.join("two")

    await realm.pass_time(LEASE + RENEW, but=one)
    await realm.until_led_by("two")
    before = realm.throne.works["two"]
    one.clock.advance(LEASE + RENEW)
    await realm.settle()
    worked = dict(realm.throne.works)
    await realm.pass_time(LEASE)

    assert realm.throne.works["two"] > before
    assert realm.throne.works.get("one", 0) == worked.get("one", 0)


async def test_the_lease_does_not_wait_for_a_slow_start(realm: Realm) -> None:
    open_ = asyncio.Event()

    async def slowly() -> None:
        await open_.wait()

    one = realm.join("one", entering=slowly)
    await realm.settle()
    realm.join("two")
    one.store.is_write_broken = True

    await realm.pass_time(LEASE - MARGIN)
    open_.set()
    await realm.settle()

    assert realm.throne.holder != "one"


async def test_who_cannot_work_leaves_it_to_another(realm: Realm) -> None:
    async def in_vain() -> None:
        raise PermanentError("another builder works there")

    clock = TurnedClock()
    one = Leader(
        store=realm.store,
        clock=clock,
        owner="one",
        resource=Seat(realm.throne, "one", in_vain),
        loops=[],
    )
    with pytest.raises(ExceptionGroup, match="unhandled errors") as told:
        await one.run()
    realm.join("two")
    await realm.settle()

    assert told.group_contains(PermanentError)
    await realm.until_led_by("two")
