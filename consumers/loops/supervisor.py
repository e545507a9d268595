"""Supervision: one bad piece of work stops neither its loop nor the service.

| what fails                     | what becomes of it                             |
|--------------------------------|------------------------------------------------|
| one item, by a fault of ours   | logged once, put off or failed; others go on   |
| the loop's means, for a while  | `TransientError`: the loop waits, tries again  |
| the loop itself                | `supervise`: started again, later each time   |

A loop that works on items holds each in `isolate`; nothing that one item brings out
leaves it. The process ends by being asked to, and by nothing else.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import structlog

from service.domain.backoff import Backoff
from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["Loop", "isolate", "supervise"]

log = structlog.get_logger(__name__)

Loop = Callable[[], Coroutine[None, None, None]]
"""Runs until cancelled."""

BACKOFF: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1))
HEALTHY: Final = timedelta(minutes=5)
"""A loop that ran so long before it failed starts with the first wait again."""


@contextmanager
def isolate(what: str, **about: str) -> Iterator[None]:
    """Keep a fault that one item brings out from all the others; log it once.

    Trouble that passes is not the item's: its loop deals with it.

    Args:
        what: What did not work, for the log.
        about: Which item it was.

    Raises:
        TransientError: The loop's means are away.
    """
    try:
        yield
    # Not contained: the database or broker is away for every item, and going on would
    # log one line for each of thousands of them.
    except TransientError:
        raise
    except Exception:
        log.exception(what, **about)


async def supervise(loop: Loop, *, clock: Clock) -> None:
    """Run a loop until cancelled; one that ends is logged and starts again."""
    failures = 0
    while True:
        began = clock.now()
        wait = BACKOFF.wait_after(failures + 1)
        try:
            # As a task of its own: one that takes itself for cancelled ends alone.
            # Learned from a lost delivery: a task group that fails leaves its task half
            # cancelled, so the next `await` in it raised CancelledError, and the relay
            # ended as if it had been stopped.
            async with asyncio.TaskGroup() as group:
                group.create_task(loop())
        except Exception:
            log.exception("loop failed", again_in=wait.total_seconds())
        else:
            log.error("loop ended", again_in=wait.total_seconds())
        # A loop that ran for days and failed once is not the one that fails at every
        # start; only the latter needs the growing wait.
        if clock.now() - began > HEALTHY:
            failures, wait = 0, BACKOFF.first
        await clock.sleep(wait)
        failures += 1
