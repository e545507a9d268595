"""Supervision: one bad piece of work stops neither its loop nor the service.

| what fails                     | what becomes of it                             |
|--------------------------------|------------------------------------------------|
| one item, by a fault of ours   | logged once, put off or failed; others go on   |
| the loop's means, for a while  | `TransientError`: the loop waits, tries again  |
| the loop itself                | `keep_going`: started again, later each time   |

A loop that works on items holds each in `contained`; nothing that one item brings out
leaves it. The process ends by being asked to, and by nothing else.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import structlog

from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["Loop", "contained", "keep_going"]

log = structlog.get_logger(__name__)

Loop = Callable[[], Coroutine[None, None, None]]
"""Runs until cancelled."""

FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(minutes=1)
HEALTHY: Final = timedelta(minutes=5)
"""A loop that ran so long before it failed starts with the first wait again."""


@contextmanager
def contained(what: str, **about: str) -> Iterator[None]:
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
    except TransientError:
        raise
    except Exception:
        log.exception(what, **about)


async def keep_going(loop: Loop, *, clock: Clock) -> None:
    """Run a loop until cancelled; one that ends is logged and starts again."""
    wait = FIRST_WAIT
    while True:
        began = clock.now()
        try:
            # As a task of its own: one that takes itself for cancelled ends alone.
            async with asyncio.TaskGroup() as group:
                group.create_task(loop())
        except Exception:
            log.exception("loop failed", again_in=wait.total_seconds())
        else:
            log.error("loop ended", again_in=wait.total_seconds())
        if clock.now() - began > HEALTHY:
            wait = FIRST_WAIT
        await clock.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)
