"""Keeps a loop going: one bad piece of work must not stop the service."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Final

import structlog

from service.ports.time import Clock

__all__ = ["Loop", "keep_going"]

log = structlog.get_logger(__name__)

Loop = Callable[[], Coroutine[None, None, None]]
"""Runs until cancelled."""

FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(minutes=1)
HEALTHY: Final = timedelta(minutes=5)
"""A loop that ran so long before it failed starts with the first wait again."""


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
