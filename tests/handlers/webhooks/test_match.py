"""Asking many times at once whether somebody follows a ref."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.webhooks.match import SourceMatcher
from service.adapters.clock import SystemClock
from service.adapters.store import SqlStore
from service.domain.push import Push, Suggestion
from service.domain.repository import Ref
from service.domain.source import Revision
from tests.support.databases import sqlite_database
from tests.support.memory import SlowStore
from tests.support.values import a_repository, a_source

BUDGET = timedelta(milliseconds=500)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SlowStore]:
    async with sqlite_database(tmp_path / "db") as database:
        yield SlowStore(SqlStore(database))


@pytest.fixture
def tracked(store: SlowStore) -> SourceMatcher:
    return SourceMatcher(store=store, clock=SystemClock(), budget=timedelta(seconds=15))


@pytest.fixture
def hasty(store: SlowStore) -> SourceMatcher:
    """Wait for nothing longer than the budget."""
    return SourceMatcher(store=store, clock=SystemClock(), budget=BUDGET)


def a_push(name: str = "main", path: str = "owner/name") -> Push:
    return Push(
        repository=a_repository(path=path),
        ref=Ref(f"refs/heads/{name}"),
        before="1" * 40,
        after="2" * 40,
        default_branch="main",
    )


async def follow_main(store: SlowStore, *, number: int | None = None) -> None:
    async with store.transaction() as tx:
        source = a_source(
            repository=a_repository(number=number),
            revision=Revision.from_text("refs/heads/main"),
        )
        await tx.sources.find_or_add(source)


async def test_those_who_ask_while_a_reading_is_under_way_share_the_next_one(
    tracked: SourceMatcher, store: SlowStore
) -> None:
    await follow_main(store)
    names = ("main", "topic")

    async with asyncio.TaskGroup() as group:
        first = group.create_task(tracked.find_tracked(a_push("other")))
        await asyncio.sleep(0.05)
        asked = [
            (name, path, group.create_task(tracked.find_tracked(a_push(name, path))))
            for name in names
            for path in ("owner/name", *(f"owner/{number}" for number in range(30)))
        ]
        await asyncio.sleep(0.05)
        store.may_end.set()

    assert first.result() is None
    assert {(name, path) for name, path, task in asked if task.result()} == {
        ("main", "owner/name")
    }
    assert store.readings == 2


async def test_a_reading_that_began_before_does_not_answer(
    tracked: SourceMatcher, store: SlowStore
) -> None:
    async with asyncio.TaskGroup() as group:
        before = group.create_task(tracked.find_tracked(a_push()))
        await asyncio.sleep(0.05)
        await follow_main(store)
        after = group.create_task(tracked.find_tracked(a_push()))
        await asyncio.sleep(0.05)
        store.may_end.set()

    assert (before.result(), after.result()) == (None, a_push())


async def test_when_a_reading_hangs_everybody_hears_yes_in_time(
    hasty: SourceMatcher,
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(hasty.find_tracked(a_push("topic"))) for _ in range(20)
        ]

    assert all(task.result() for task in tasks)
    assert loop.time() - began < 3 * BUDGET.total_seconds()


async def test_a_number_that_nobody_follows_costs_no_second_reading(
    tracked: SourceMatcher, store: SlowStore
) -> None:
    await follow_main(store, number=4711)
    store.may_end.set()
    renamed = replace(a_push(), repository=a_repository(number=99))
    unknown = replace(renamed, ref=Ref("refs/heads/topic"))

    found = await tracked.find_tracked(renamed)

    assert found is not None
    assert found.repository.number is None
    assert found.suggestion == Suggestion(path="owner/name", number=99)
    assert await tracked.find_tracked(unknown) is None
    assert store.readings == 1


async def test_after_a_reading_that_hung_the_next_one_is_asked(
    hasty: SourceMatcher, store: SlowStore
) -> None:
    assert await hasty.find_tracked(a_push("topic")) is not None
    store.may_end.set()
    assert await hasty.find_tracked(a_push("topic")) is None


async def test_who_leaves_while_reading_takes_nobody_along(
    tracked: SourceMatcher, store: SlowStore
) -> None:
    async with asyncio.TaskGroup() as group:
        leader = group.create_task(tracked.find_tracked(a_push("topic")))
        await asyncio.sleep(0.05)
        follower = group.create_task(tracked.find_tracked(a_push("topic")))
        leader.cancel()
        await asyncio.sleep(0.05)
        store.may_end.set()

    assert leader.cancelled()
    assert follower.result() is None
