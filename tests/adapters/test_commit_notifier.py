"""A store that rings for the relay when there is something to carry."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.adapters.commit_notifier import CommitNotifyingStore
from service.adapters.store import SqlStore
from service.errors import ConflictError
from service.events.envelope import Event
from service.ports.store import Store
from tests.support.clock import NOW
from tests.support.databases import sqlite_database
from tests.support.values import a_source


def an_event(name: str) -> Event:
    return Event(id=name, type="dev.relaunch.x.v1", time=NOW, data={})


class Rung:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def rung() -> Rung:
    return Rung()


@pytest.fixture
async def store(tmp_path: Path, rung: Rung) -> AsyncIterator[Store]:
    async with sqlite_database(tmp_path / "db") as database:
        yield CommitNotifyingStore(SqlStore(database), notify=rung)


async def test_events_ring_once_they_are_committed(store: Store, rung: Rung) -> None:
    async with store.transaction() as tx:
        await tx.outbox.add([an_event("one")])
        await tx.outbox.add([an_event("two")])
        assert rung.times == 0

    assert rung.times == 1


async def test_nothing_to_carry_rings_for_nobody(store: Store, rung: Rung) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        await tx.outbox.add([])
    async with store.reading() as tx:
        await tx.outbox.peek(limit=1)
    await store.ping()

    assert rung.times == 0


async def test_events_that_were_rolled_back_do_not_ring(
    store: Store, rung: Rung
) -> None:
    async def change_ones_mind() -> None:
        async with store.transaction() as tx:
            await tx.outbox.add([an_event("one")])
            raise ConflictError("it is not to be")

    with pytest.raises(ConflictError):
        await change_ones_mind()

    assert rung.times == 0
