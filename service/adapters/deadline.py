"""Work that ends when its time is over, by the clock that others count with, too."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["end_by"]

T = TypeVar("T")


async def end_by(until: datetime, work: Coroutine[Any, Any, T], *, clock: Clock) -> T:
    """Do some work until a moment at most, whatever it waits for.

    It is cancelled then, and not waited for: on a connection that is dead it may take
    its time to end.

    Raises:
        TransientError: It was not done by then.
    """
    working = asyncio.create_task(work)  # noqa: TID251 - it may outlive us
    working.add_done_callback(_retrieve)
    over = asyncio.create_task(clock.sleep(until - clock.now()))  # noqa: TID251 - as it
    try:
        await asyncio.wait({working, over}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise TransientError("the time for it is over")
        return working.result()
    finally:
        over.cancel()
        working.cancel()


def _retrieve(task: asyncio.Task[T]) -> None:
    """Take note of an error that comes when nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
