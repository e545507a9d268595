"""Leases of every store: one owner at a time, and none for ever."""

import asyncio
from datetime import timedelta
from typing import Final

from service.adapters.store import SqlStore
from service.ports.store import Store
from tests.contracts.conftest import OpenDatabase
from tests.support.clock import NOW

LENGTH: Final = timedelta(seconds=15)


async def take(
    store: Store,
    owner: str,
    *,
    after: timedelta = timedelta(0),
    name: str = "leader",
    length: timedelta = LENGTH,
) -> bool:
    async with store.transaction() as tx:
        return await tx.leases.acquire(
            name, owner=owner, now=NOW + after, length=length
        )


async def release(store: Store, owner: str, *, name: str = "leader") -> None:
    async with store.transaction() as tx:
        await tx.leases.release(name, owner=owner)


async def test_the_first_who_asks_has_it_and_nobody_else(store: Store) -> None:
    assert await take(store, "one")
    assert not await take(store, "two")


async def test_it_ends_when_its_length_is_over_and_not_before(store: Store) -> None:
    await take(store, "one")

    assert not await take(store, "two", after=LENGTH - timedelta(microseconds=1))
    assert await take(store, "two", after=LENGTH)
    assert not await take(store, "one", after=LENGTH)


async def test_whoever_has_it_may_renew_it(store: Store) -> None:
    await take(store, "one")

    assert await take(store, "one", after=LENGTH / 2)
    assert not await take(store, "two", after=LENGTH)
    assert await take(store, "two", after=LENGTH * 1.5)


async def test_whoever_lost_it_is_told_so_when_renewing(store: Store) -> None:
    await take(store, "one")
    await take(store, "two", after=LENGTH)

    assert not await take(store, "one", after=LENGTH * 1.5)


async def test_one_that_ran_out_is_still_its_owners_while_nobody_else_asks(
    store: Store,
) -> None:
    await take(store, "one")

    assert await take(store, "one", after=LENGTH * 10)


async def test_given_up_it_is_free_at_once(store: Store) -> None:
    await take(store, "one")

    await release(store, "one")

    assert await take(store, "two")


async def test_nobody_gives_up_what_is_anothers(store: Store) -> None:
    await take(store, "one")

    await release(store, "two")

    assert not await take(store, "two")
    assert await take(store, "one")


async def test_giving_up_what_nobody_has_is_no_error(store: Store) -> None:
    await release(store, "one")

    assert await take(store, "one")


async def test_names_are_independent(store: Store) -> None:
    await take(store, "one")

    assert await take(store, "two", name="relay")
    await release(store, "two", name="relay")
    assert not await take(store, "two")


async def test_of_many_who_ask_at_once_one_has_it(databases: OpenDatabase) -> None:
    async with databases() as one, databases() as two:
        stores = [SqlStore(database) for database in (one, two)]
        for round_ in range(5):
            after = LENGTH * round_
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(
                        take(stores[number % 2], f"{round_}-{number}", after=after)
                    )
                    for number in range(8)
                ]

            assert sum(task.result() for task in asked) == 1


async def test_a_lease_is_known_to_every_process(databases: OpenDatabase) -> None:
    async with databases() as one, databases() as two:
        await take(SqlStore(one), "one")

        assert not await take(SqlStore(two), "two")

        await release(SqlStore(one), "one")
        assert await take(SqlStore(two), "two")


async def test_whoever_asks_learns_whether_it_is_held(store: Store) -> None:
    async def is_held(after: timedelta) -> bool:
        async with store.reading() as tx:
            return await tx.leases.is_held("leader", now=NOW + after)

    assert not await is_held(timedelta())
    await take(store, "one")

    assert await is_held(LENGTH / 2)
    assert not await is_held(LENGTH)
