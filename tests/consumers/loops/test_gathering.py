"""Work that is done for many at once, as if for each alone."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from consumers.loops.gathering import Gatherer
from service.errors import ConflictError, TransientError


class Work:
    """Doubles numbers, a round whenever it may."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.begun = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.error: Exception | None = None
        self.faulty: int | None = None
        self.locked: set[int] = set()

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.rounds.append(list(items))
        self.begun.set()
        await self.may_go_on.wait()
        if self.error or self.faulty in items:
            raise self.error or ConflictError("not this one")
        if self.locked & set(items):
            raise TransientError("a lock is held")
        return [2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


async def test_those_who_ask_while_it_works_share_the_next_round(work: Work) -> None:
    gatherer = Gatherer(work, most=100)
    work.may_go_on.clear()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(gatherer.ask(1))
        await work.begun.wait()
        others = [group.create_task(gatherer.ask(number)) for number in (2, 3, 4)]
        await asyncio.sleep(0)
        work.may_go_on.set()

    assert work.rounds == [[1], [2, 3, 4]]
    assert [await task for task in (first, *others)] == [2, 4, 6, 8]


async def test_who_ask_together_are_served_together(work: Work) -> None:
    gatherer = Gatherer(work, most=100)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(gatherer.ask(number))

    assert work.rounds == [[0, 1, 2, 3, 4]]


async def test_no_round_is_larger_than_the_most(work: Work) -> None:
    gatherer = Gatherer(work, most=2)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(gatherer.ask(number)) for number in range(5)]

    assert [len(items) for items in work.rounds] == [2, 2, 1]
    assert [await task for task in tasks] == [0, 2, 4, 6, 8]


async def test_the_fault_of_one_is_not_the_others(work: Work) -> None:
    gatherer = Gatherer(work, most=100)
    work.faulty = 1

    found = await _asked(gatherer, 3)

    assert (found[0], found[2]) == (0, 4)
    assert isinstance(found[1], ConflictError)


async def test_a_lock_that_one_waits_for_in_vain_does_not_keep_the_others(
    work: Work,
) -> None:
    gatherer = Gatherer(work, most=100)
    work.locked = {1}

    found = await _asked(gatherer, 4)

    assert (found[0], *found[2:]) == (0, 4, 6)
    assert isinstance(found[1], TransientError)


async def test_neighbours_that_wait_in_vain_keep_the_others_for_few_rounds(
    work: Work,
) -> None:
    gatherer = Gatherer(work, most=100)
    work.locked = {0, 1}

    first, second = await _asked(gatherer, 4), await _asked(gatherer, 4)

    assert all(isinstance(item, TransientError) for item in first)
    assert second[2:] == [4, 6]


async def test_a_database_that_is_away_is_not_waited_for_by_each(work: Work) -> None:
    gatherer = Gatherer(work, most=100)
    work.error = TransientError("away", retry_after=timedelta(seconds=7))

    found = await _asked(gatherer, 20)

    assert len(work.rounds) == 3
    # An exception of its own for each: every task adds its traceback to it.
    assert len({id(item) for item in found}) == 20
    assert {(str(item), item.retry_after) for item in found} == {
        ("away", timedelta(seconds=7))
    }
    work.error = None
    assert await gatherer.ask(7) == 14


async def test_who_worked_for_others_and_is_cancelled_leaves_nobody_waiting(
    work: Work,
) -> None:
    gatherer = Gatherer(work, most=100)
    work.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(gatherer.ask(1))
        second = group.create_task(_error_of(gatherer, 2))
        await work.begun.wait()
        first.cancel()

    assert "given up" in await second
    work.may_go_on.set()
    assert await gatherer.ask(3) == 6


async def test_who_waits_and_is_cancelled_stops_nobody(work: Work) -> None:
    gatherer = Gatherer(work, most=100)
    work.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(gatherer.ask(1))
        second = group.create_task(gatherer.ask(2))
        await work.begun.wait()
        second.cancel()
        await asyncio.sleep(0)
        work.may_go_on.set()

    assert await first == 2


async def _asked(gatherer: Gatherer[int, int], most: int) -> list[Any]:
    asked = (gatherer.ask(number) for number in range(most))
    return await asyncio.gather(  # noqa: TID251 - errors are wanted as results
        *asked, return_exceptions=True
    )


async def _error_of(gatherer: Gatherer[int, int], item: int) -> str:
    with pytest.raises(TransientError) as caught:
        await gatherer.ask(item)
    return str(caught.value)
