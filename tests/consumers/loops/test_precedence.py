"""Loops that nobody waits for stand back, but never for long."""

import asyncio
from datetime import timedelta

from consumers.loops.precedence import Precedence
from consumers.loops.wakeup import Wakeup
from service.adapters.clock import SystemClock


async def test_who_was_notified_waits_until_the_first_are_done() -> None:
    precedence = Precedence()
    wakeup = Wakeup(clock=SystemClock(), after=precedence)
    order = []

    async def stand_back() -> None:
        await wakeup.wait(at_most=timedelta(seconds=20))
        order.append("second")

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(stand_back())
        with precedence.taken(), precedence.taken():
            wakeup.notify()
            await asyncio.sleep(0.03)
            order.append("first")
        await waiting

    assert order == ["first", "second"]


async def test_nobody_stands_back_for_good() -> None:
    precedence = Precedence()
    wakeup = Wakeup(clock=SystemClock(), after=precedence)
    wakeup.notify()

    with precedence.taken():
        async with asyncio.timeout(20):
            assert await wakeup.wait(at_most=timedelta(seconds=20))


async def test_a_wait_that_ends_by_itself_is_no_longer_than_it_should() -> None:
    precedence = Precedence()
    wakeup = Wakeup(clock=SystemClock(), after=precedence)

    with precedence.taken():
        assert not await wakeup.wait(at_most=timedelta(milliseconds=1))
