"""The loop of every step that is done again and again."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["run_periodically"]

log = structlog.get_logger(__name__)

AT_ONCE: Final = timedelta(0)


async def run_periodically(
    step: Callable[[], Awaitable[object]],
    *,
    clock: Clock,
    failure: str,
    every: timedelta = AT_ONCE,
    after_failure: timedelta | None = None,
) -> None:
    """Run a step until cancelled, first at once.

    A `TransientError` is logged, and the step is run again; any other error ends the
    loop, and `supervise` starts it anew.

    Args:
        step: One round; it may wait by itself for something to do.
        clock: Sleeps between rounds.
        failure: The log's event for a round that failed for a while.
        every: The pause after a round.
        after_failure: The pause after a round that failed, when it is another one.
    """
    while True:
        pause = every
        try:
            await step()
        # Only this one. Any other error means that the step itself is broken;
        # `supervise` then waits longer each time, which a fixed pause here would not.
        except TransientError as exc:
            log.warning(failure, error=str(exc))
            pause = every if after_failure is None else after_failure
        # Not even a sleep of nothing: a clock that stands still would hold the loop.
        if pause > AT_ONCE:
            await clock.sleep(pause)
