"""Wake a loop that waits for work."""

import asyncio
from datetime import timedelta

from consumers.loops.precedence import Precedence
from service.ports.time import Clock

__all__ = ["Wakeup"]


# One for each thing to wait for in a process, held by the loop that waits and by all
# who make work. It does not reach other processes: every waiter has a timeout of its
# own for those.
class Wakeup:
    """Wakes its one waiter; once, however often it is notified in between.

    Args:
        clock: Waits.
        after: Before whom the waiter stands back once it was notified.
    """

    def __init__(self, *, clock: Clock, after: Precedence | None = None) -> None:
        self._clock = clock
        self._after = after
        self._notified = asyncio.Event()

    def notify(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        self._notified.set()

    async def wait(self, *, at_most: timedelta) -> bool:
        """Return when notified, or after a while; whether it was notified."""
        async with asyncio.TaskGroup() as group:
            notified = group.create_task(self._notified.wait())
            nap = group.create_task(self._clock.sleep(at_most))
            await asyncio.wait({notified, nap}, return_when=asyncio.FIRST_COMPLETED)
            notified.cancel()
            nap.cancel()
        if self._after is not None and self._notified.is_set():
            await self._after.give_way()
        # Cleared after the wait and before the caller reads what there is to do. A
        # signal that arrives from now on stays set for the next wait, so no work is
        # missed.
        is_notified = self._notified.is_set()
        self._notified.clear()
        return is_notified
