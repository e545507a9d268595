"""Some work is one process's: whoever holds the lease does it, until it dies.

The lease is a row with an end. Its holder renews it well before that; when it cannot,
it stops its work before the lease runs out, so two never lead at once as long as
clocks differ by less than the margin.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final

import structlog

from consumers.guard import Loop, keep_going
from service.errors import TransientError
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Leader"]

log = structlog.get_logger(__name__)

NAME: Final = "leader"
LEASE: Final = timedelta(seconds=15)
"""How long nobody leads after a leader was killed."""
RENEW: Final = timedelta(seconds=4)
MARGIN: Final = timedelta(seconds=3)
"""A leader that could not renew stops so long before its lease ends."""


class Leader:
    """Run loops in one process of all that try.

    Args:
        store: Where the lease is.
        clock: Tells when it ends.
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
            if await self._take():
                await self._lead()
            await self._clock.sleep(RENEW)

    async def _lead(self) -> None:
        log.info("leading")
        try:
            async with self._resource, asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(keep_going(it, clock=self._clock))
                    for it in self._loops
                ]
                await self._hold()
                for task in tasks:
                    task.cancel()
        finally:
            await self._release()
        log.warning("no longer leading")

    async def _hold(self) -> None:
        """Return when the lease is lost, or about to be."""
        held_until = self._clock.now() + LEASE
        while self._clock.now() + MARGIN < held_until:
            await self._clock.sleep(RENEW)
            asked_at = self._clock.now()
            if await self._take():
                held_until = asked_at + LEASE

    async def _take(self) -> bool:
        try:
            async with asyncio.timeout(RENEW.total_seconds()):
                async with self._store.transaction() as tx:
                    return await tx.leases.take(
                        NAME, owner=self._owner, now=self._clock.now(), length=LEASE
                    )
        except (TransientError, TimeoutError) as exc:
            log.warning("lease not asked for", error=str(exc))
            return False

    async def _release(self) -> None:
        try:
            async with self._store.transaction() as tx:
                await tx.leases.release(NAME, owner=self._owner)
        except TransientError as exc:
            log.warning("lease runs out by itself", error=str(exc))
