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
ANSWER: Final = timedelta(seconds=2)
"""How long the database may take; less than the margin."""


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
        try:
            # The group waits for the cancelled work to end. Releasing the lease before
            # that would let another process lead while our builder still acts.
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._work())
                await self._hold(until)
                work.cancel()
        finally:
            # In `finally` and best effort: an orderly stop hands over within FOLLOW
            # instead of LEASE, and without the database the lease ends by itself.
            await self._release()
        log.warning("no longer leading")

    async def _work(self) -> None:
        # The builder is opened only while leading. Its informers and clean-up act on
        # the cluster, so two processes with an open one would both do so.
        async with self._resource, asyncio.TaskGroup() as group:
            for loop in self._loops:
                group.create_task(supervise(loop, clock=self._clock))

    async def _hold(self, until: datetime) -> None:
        """Renew the lease; return when it is lost, or may soon be.

        It counts from the moment it was asked for, whatever happened since.
        """
        # Ends MARGIN early, because cancelled work needs time to stop and clocks of two
        # machines differ.
        while (left := until - MARGIN - self._clock.now()) > timedelta(0):
            await self._clock.sleep(min(RENEW, left))
            requested_at = self._clock.now()
            try:
                # Someone else has it: our clock or connection stood still for longer
                # than the lease. There is nothing to renew, and work stops at once.
                if not await self._take():
                    return
                until = requested_at + LEASE
            except TransientError as exc:
                log.warning("lease not renewed", error=str(exc))

    async def _take(self) -> bool:
        try:
            # A connection to a database that is gone can hang for minutes. With ANSWER
            # under MARGIN a renewal that hangs cannot carry leadership past the lease.
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
