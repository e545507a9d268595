"""Transactions of every store: all or nothing, one at a time under a lock."""

import asyncio
from datetime import timedelta

import pytest

from service.adapters.store import SqlStore
from service.domain.launcher import LauncherId
from service.errors import (
    ConflictError,
    NotFoundError,
    PermanentError,
    TransientError,
)
from service.events.envelope import Event
from service.events.models import LauncherUpdated
from service.ports.store import LOCK_SCHEDULE, Store
from tests.contracts.conftest import OpenDatabase
from tests.support.clock import NOW
from tests.support.ids import CountedIds
from tests.support.values import a_launcher, a_rebuild, a_source

MOMENT = 0.2
"""Seconds in which something that is held back would surely have happened."""


class ChangedMindError(Exception):
    """What a caller's own code may raise."""


def an_event(name: str) -> Event:
    data = LauncherUpdated(
        launcher_id=name,
        environment_id="environment-1",
        project_id="project-1",
        action="moved",
        image="image",
        generation=1,
    )
    return Event.of(data, id=name, time=NOW)


async def test_what_was_committed_is_there(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.rebuilds.add(a_rebuild())

    async with store.reading() as tx:
        assert await tx.rebuilds.get(a_rebuild().id) == a_rebuild()


async def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    async def change_mind() -> None:
        async with store.transaction("lock") as tx:
            await tx.rebuilds.add(a_rebuild())
            await tx.outbox.add([an_event("one")])
            raise ChangedMindError

    with pytest.raises(ChangedMindError):
        await change_mind()

    async with store.transaction("lock") as tx:
        assert await tx.rebuilds.list(limit=10) == []
        assert await tx.outbox.peek(limit=10) == []


async def test_a_cancelled_transaction_leaves_nothing_and_holds_up_nobody(
    store: Store,
) -> None:
    async def hang() -> None:
        async with store.transaction("lock") as tx:
            await tx.rebuilds.add(a_rebuild())
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(hang())
        await asyncio.sleep(MOMENT)
        task.cancel()

    async with store.transaction("lock") as tx:
        assert await tx.rebuilds.list(limit=10) == []


async def test_cancelling_at_any_moment_does_no_harm(store: Store) -> None:
    async def write(number: int) -> None:
        async with store.transaction("lock") as tx:
            await tx.rebuilds.add(a_rebuild(id=f"rebuild-{number}"))
            await tx.rebuilds.list(limit=10)

    for number in range(15):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(write(number))
            await asyncio.sleep(number / 1000)
            task.cancel()

    async with store.transaction("lock") as tx:
        await tx.rebuilds.add(a_rebuild(id="the last"))
    async with store.reading() as tx:
        last = await tx.rebuilds.get(a_rebuild(id="the last").id)
    assert last.id == "the last"


async def test_a_transaction_that_was_refused_can_go_on(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        await tx.launchers.add(a_launcher())
        with pytest.raises(ConflictError):
            await tx.launchers.add(a_launcher())
        with pytest.raises(NotFoundError):
            await tx.launchers.get(LauncherId("nobody"))
        await tx.outbox.add([an_event("went on")])

    async with store.reading() as tx:
        assert len(await tx.outbox.peek(limit=10)) == 1


async def test_readers_do_not_wait_for_a_writer_and_see_none_of_its_work(
    store: Store,
) -> None:
    async with store.transaction("lock") as writing:
        await writing.rebuilds.add(a_rebuild())
        async with asyncio.timeout(5), store.reading() as reading:
            assert await reading.rebuilds.list(limit=10) == []


async def test_a_reader_sees_one_state_however_long_it_reads(store: Store) -> None:
    async with store.reading() as reading:
        assert await reading.rebuilds.list(limit=10) == []
        async with store.transaction() as writing:
            await writing.rebuilds.add(a_rebuild())

        assert await reading.rebuilds.list(limit=10) == []


async def test_a_lock_lets_one_in_at_a_time_in_all_processes(
    databases: OpenDatabase,
) -> None:
    inside = 0

    async def enter(store: Store, *locks: str) -> None:
        nonlocal inside
        async with store.transaction(*locks):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.01)
            inside -= 1

    async with databases() as here, databases() as there, asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(enter(SqlStore(here), LOCK_SCHEDULE))
            group.create_task(enter(SqlStore(there), "other", LOCK_SCHEDULE))

    assert inside == 0


async def test_locks_named_in_any_order_never_wait_in_a_circle(
    databases: OpenDatabase,
) -> None:
    async def enter(store: Store, *locks: str) -> None:
        for _ in range(5):
            async with store.transaction(*locks) as tx:
                await tx.rebuilds.list(limit=1)

    async with databases() as here, databases() as there, asyncio.TaskGroup() as group:
        group.create_task(enter(SqlStore(here), "a", "b", "a"))
        group.create_task(enter(SqlStore(there), "b", "a"))


async def test_read_change_save_loses_no_change_of_another(
    databases: OpenDatabase,
) -> None:
    async def count_up(store: Store) -> None:
        for _ in range(5):
            async with store.transaction() as tx:
                source = await tx.sources.get(a_source().id)
                changed = a_source(generation=source.generation + 1)
                await asyncio.sleep(0.005)
                await tx.sources.save_all([changed])

    async with databases() as here, databases() as there:
        async with SqlStore(here).transaction() as tx:
            await tx.sources.find_or_add(a_source())
        async with asyncio.TaskGroup() as group:
            group.create_task(count_up(SqlStore(here)))
            group.create_task(count_up(SqlStore(there)))

        async with SqlStore(here).reading() as tx:
            assert (await tx.sources.get(a_source().id)).generation == 10


async def test_a_running_store_answers_a_ping(store: Store) -> None:
    await store.ping()


async def test_the_outbox_keeps_events_in_order_until_removed(store: Store) -> None:
    events = [an_event(name) for name in ("one", "two", "three")]
    async with store.transaction() as tx:
        await tx.outbox.add(events[:2])
        await tx.outbox.add(events[2:])

    async with store.transaction() as tx:
        taken = await tx.outbox.peek(limit=2)
        assert [event for _, event in taken] == events[:2]
        assert await tx.outbox.peek(limit=2) == taken
        await tx.outbox.remove([place for place, _ in taken])
    async with store.reading() as tx:
        assert [event for _, event in await tx.outbox.peek(limit=9)] == events[2:]


async def test_an_outbox_knows_whether_its_transaction_added_events(
    store: Store,
) -> None:
    async with store.transaction() as tx:
        grown = [tx.outbox.has_grown]
        await tx.outbox.add([])
        grown.append(tx.outbox.has_grown)
        await tx.outbox.add([an_event("one")])
        grown.append(tx.outbox.has_grown)
    assert grown == [False, False, True]
    async with store.transaction() as tx:
        assert not tx.outbox.has_grown


@pytest.mark.parametrize("is_single", [False, True])
async def test_a_transaction_that_reads_takes_no_event(
    store: Store, *, is_single: bool
) -> None:
    async def add() -> None:
        async with store.reading(is_single=is_single) as tx:
            await tx.outbox.add([an_event("one")])

    with pytest.raises((PermanentError, TransientError)):
        await add()

    async with store.reading() as tx:
        assert await tx.outbox.peek(limit=1) == []


async def test_a_removed_event_never_shares_its_place_with_a_later_one(
    store: Store,
) -> None:
    async with store.transaction() as tx:
        await tx.outbox.add([an_event("one")])
        ((place, _),) = await tx.outbox.peek(limit=9)
        await tx.outbox.remove([place])
        await tx.outbox.add([an_event("two")])
        await tx.outbox.remove([place])

        ((_, event),) = await tx.outbox.peek(limit=9)
        assert event == an_event("two")


async def test_very_many_events_can_be_removed_at_once(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.outbox.add([an_event("one")])
        ((place, _),) = await tx.outbox.peek(limit=9)
        await tx.outbox.remove(range(place, place + 40_000))

        assert await tx.outbox.peek(limit=9) == []


async def test_an_instant_keeps_its_microseconds(store: Store) -> None:
    moment = NOW + timedelta(microseconds=123_457)
    ids = CountedIds()
    async with store.transaction() as tx:
        for created_at in (moment, NOW, moment - timedelta(microseconds=1)):
            await tx.rebuilds.add(a_rebuild(id=ids.new(), created_at=created_at))

    async with store.reading() as tx:
        found = [rebuild.created_at for rebuild in await tx.rebuilds.list(limit=9)]
    assert found == [moment, moment - timedelta(microseconds=1), NOW]
