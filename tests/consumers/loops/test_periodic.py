import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from consumers.loops.periodic import run_periodically
from service.errors import TransientError
from tests.support.clock import TurnedClock

EVERY = timedelta(seconds=10)
AFTER_FAILURE = timedelta(seconds=2)


class Rounds:
    """A step that fails in the rounds that a test names."""

    def __init__(self, **failures: Exception) -> None:
        self.begun = 0
        self._failures = failures

    async def step(self) -> None:
        self.begun += 1
        if failure := self._failures.get(f"round_{self.begun}"):
            raise failure


async def test_a_round_that_fails_for_a_while_is_logged_and_run_again() -> None:
    clock, rounds = TurnedClock(), Rounds(round_1=TransientError("the broker is away"))
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(
                run_periodically(
                    rounds.step,
                    clock=clock,
                    failure="probe waits",
                    every=EVERY,
                    after_failure=AFTER_FAILURE,
                )
            )
            begun = []
            for pause in (AFTER_FAILURE, EVERY, EVERY):
                await clock.until_asleep()
                begun.append(rounds.begun)
                clock.advance(pause)
                await asyncio.sleep(0)
            loop.cancel()

    assert begun == [1, 2, 3]
    assert [(log["event"], log["error"]) for log in logs] == [
        ("probe waits", "the broker is away")
    ]


async def test_any_other_error_ends_the_loop() -> None:
    rounds = Rounds(round_3=ValueError("a fault of ours"))

    with pytest.raises(ValueError, match="fault"):
        await run_periodically(rounds.step, clock=TurnedClock(), failure="probe waits")

    assert rounds.begun == 3
