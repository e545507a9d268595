"""A loop goes on, however it ended."""

import asyncio
from datetime import timedelta

import pytest

from consumers.loops.supervisor import supervise
from tests.support.clock import TurnedClock


class Loop:
    """Ends in a way of its own each time it is started; then it goes on for ever."""

    def __init__(self, *ends: BaseException | None) -> None:
        self._ends = list(ends)
        self.goes_on = asyncio.Event()

    async def run(self) -> None:
        if not self._ends:
            self.goes_on.set()
            await asyncio.Event().wait()
        if (end := self._ends.pop(0)) is not None:
            raise end


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(ZeroDivisionError(), id="fails"),
        pytest.param(None, id="returns"),
        pytest.param(asyncio.CancelledError(), id="takes-itself-for-cancelled"),
    ],
)
async def test_a_loop_that_ends_is_started_again(end: BaseException | None) -> None:
    loop, clock = Loop(end, end), TurnedClock()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        kept = group.create_task(supervise(loop.run, clock=clock))
        while not loop.goes_on.is_set():
            clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0)
        kept.cancel()

    assert kept.cancelled()
