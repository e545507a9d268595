"""Some work is one process's: whoever holds the lease does it, until it dies.

The lease is a row with an end. Its holder renews it well before that; when it cannot,
it stops its work before the lease runs out, so two never lead at once as long as
clocks differ by less than the margin.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumers.loops.supervisor import Loop, supervise
from consumers.loops.wakeup import Wakeup
from service.errors import TransientError
from service.ports.store import LEADER, Store
from service.ports.time import Clock

__all__ = ["Leader"]

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=12)
"""How long nobody leads after a leader was killed, and until the others check again."""
RENEW: Final = timedelta(seconds=3)
FOLLOW: Final = timedelta(seconds=1)
"""How often the others check whether the lease is over. With it, and a second to reach
what is driven, a killed leader's builds are watched again within 15 seconds."""
MARGIN: Final = timedelta(seconds=3)
"""A leader that could not renew begins to stop so long before its lease ends."""
AGAIN: Final = timedelta(milliseconds=500)
"""Between a renewal that failed and the next try."""
ANSWER: Final = timedelta(seconds=4)
"""How long the database may take over a lease. One that is only busy would be busier by
those who give up and connect anew; and nobody leads for longer by waiting."""


# One per consuming process. Only the row in the database decides who leads. A process
# that was frozen finds its lease over when it goes on, and stops its work before
# anything else.
class Leader:
    """Run loops in one process of all that try.

    Args:
        store: Where the lease is.
        clock: Gives the time at which it ends.
        owner: This process.
        resource: Entered while leading.
        loops: Run while leading.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        owner: str,
        resource: AbstractAsyncContextManager[object],
        loops: Sequence[Loop],
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._resource = resource
        self._loops = loops

    async def run(self) -> None:
        """Lead whenever nobody else does, until cancelled."""
        while True:
            # Taken before the request: the database may have committed any time between
            # question and answer, and counting from the answer could outlast the lease.
            requested_at = self._clock.now()
            try:
                if await self._take():
                    await self._lead(until=requested_at + LEASE)
            except TransientError as exc:
                log.warning("lease not asked for", error=str(exc))
            await self._clock.sleep(FOLLOW)

    async def _lead(self, *, until: datetime) -> None:
        log.info("leading")
        lease = _Lease(until=until, clock=self._clock)
        try:
            # The group waits for the cancelled work to end. Releasing the lease before
            # that would let another process lead while our builder still acts.
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._work()),
                    # Beside the wait for the lease's end and not before it: a database
                    # that is gone without a word does not even let who gives up go.
                    group.create_task(self._renew(lease)),
                ]
                await lease.until_over()
                log.warning("lease is over, work is stopped")
                for task in tasks:
                    task.cancel()
        finally:
            log.warning("no longer leading")
            # Best effort: an orderly stop hands over within FOLLOW instead of LEASE.
            if lease.is_held:
                await self._release()

    async def _work(self) -> None:
        # The builder is opened only while leading. Its informers and clean-up act on
        # the cluster, so two processes with an open one would both do so.
        async with self._resource, asyncio.TaskGroup() as group:
            for loop in self._loops:
                group.create_task(supervise(loop, clock=self._clock))

    async def _renew(self, lease: "_Lease") -> None:
        """Renew the lease until it is lost, or until cancelled."""
        while True:
            # Counted from when it was asked for: a database that is busy took a part of
            # the time.
            due = lease.until - LEASE + RENEW
            await self._clock.sleep(due - self._clock.now())
            requested_at = self._clock.now()
            try:
                # Someone else has it: our clock or connection stood still for longer
                # than the lease. There is nothing to renew, and work stops at once.
                if not await self._take():
                    lease.lose()
                    return
                lease.extend(requested_at + LEASE)
            except TransientError as exc:
                log.warning("lease not renewed", error=str(exc))
                await self._clock.sleep(AGAIN)

    async def _take(self) -> bool:
        try:
            # A connection to a database that is gone can hang for minutes, and the next
            # one may lead to the database that took over.
            async with asyncio.timeout(ANSWER.total_seconds()):
                async with self._store.transaction() as tx:
                    return await tx.leases.acquire(
                        LEADER, owner=self._owner, now=self._clock.now(), length=LEASE
                    )
        except TimeoutError as exc:
            raise TransientError("the database did not answer in time") from exc

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(ANSWER.total_seconds()):
                async with self._store.transaction() as tx:
                    await tx.leases.release(LEADER, owner=self._owner)
        except (TransientError, TimeoutError) as exc:
            log.warning("lease runs out by itself", error=str(exc))


# One for each time that a process leads. The renewals write it, and whoever has to stop
# the work reads it: they must not wait for each other.
class _Lease:
    """Until when a process leads, by its own clock.

    It counts from the moment before it was asked for, whatever happened since.
    """

    def __init__(self, *, until: datetime, clock: Clock) -> None:
        self.until = until
        self._clock = clock
        self._lost = Wakeup(clock=clock)

    @property
    def is_held(self) -> bool:
        return self._clock.now() < self.until

    def extend(self, until: datetime) -> None:
        """Hold it for longer."""
        self.until = until

    def lose(self) -> None:
        """Hold it no more: another process does."""
        self.until = self._clock.now()
        self._lost.notify()

    async def until_over(self) -> None:
        """Return when it is lost, or may soon be."""
        # MARGIN early, because cancelled work needs time to stop and clocks of two
        # machines differ.
        while (left := self.until - MARGIN - self._clock.now()) > timedelta(0):
            await self._lost.wait(at_most=left)
