"""Removes what is old and what nobody uses, in batches: history, logs and images."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from consumers.loops.supervisor import isolate
from service.domain.building.build import Build
from service.domain.building.retention import RetentionPolicy
from service.ports.builder import Builder
from service.ports.store import LOCK_SCHEDULE, Store, Transaction
from service.ports.store.retention import UnusedImage
from service.ports.time import Clock

__all__ = ["RetentionCollector"]

log = structlog.get_logger(__name__)

BATCH: Final = 500
"""Rows of one transaction: a few milliseconds, in which nobody waits."""
LOGS: Final = 10
"""Logs of one transaction: each has up to 20,000 lines."""
BATCHES: Final = 100
"""Batches of each part in a round, so that a round ends; the next one goes on."""

Remove = Callable[[Transaction, datetime, int], Awaitable[int]]


# One, in the process that leads. Each batch is a transaction of its own; between the
# decision and the removal of an image it is checked once more, as a launcher may have
# come to name it meanwhile.
class RetentionCollector:
    """Remove what the policy does not keep.

    Args:
        store: The database.
        builder: It removes images.
        clock: Gives the time.
        policy: How long each part is kept.
        interval: The pause between rounds.
    """

    def __init__(
        self,
        *,
        store: Store,
        builder: Builder,
        clock: Clock,
        policy: RetentionPolicy,
        interval: timedelta,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._policy = policy
        self._interval = interval
        self._has_warned = False

    async def run(self) -> None:
        """Remove until cancelled."""
        await run_periodically(
            self.collect,
            clock=self._clock,
            failure="retention waits",
            every=self._interval,
        )

    async def collect(self) -> None:
        """Remove what is old now, up to a bound.

        Raises:
            TransientError: The database or the builder did not answer.
        """
        cutoffs = self._policy.cutoffs(self._clock.now())
        # Rebuilds before builds, and images before these: what refers goes first.
        if before := cutoffs.get("images"):
            await self._remove_images(before)
        steps: dict[str, tuple[Remove, int]] = {
            "log_lines": (_remove_logs, LOGS),
            "rebuilds": (_remove_rebuilds, BATCH),
            "builds": (_remove_builds, LOGS),
            "evaluations": (_remove_evaluations, BATCH),
            "deliveries": (_remove_deliveries, BATCH),
        }
        for part, (remove, limit) in steps.items():
            if before := cutoffs.get(part):
                await self._remove(part, remove, before, limit)

    async def _remove(
        self, part: str, remove: Remove, before: datetime, limit: int
    ) -> None:
        removed = 0
        for _ in range(BATCHES):
            async with self._store.transaction() as tx:
                count = await remove(tx, before, limit)
            removed += count
            if count < limit:
                break
        if removed:
            log.info("old records removed", part=part, count=removed)

    async def _remove_images(self, before: datetime) -> None:
        after: Build | None = None
        for _ in range(BATCHES):
            async with self._store.reading() as tx:
                unused, after = await tx.retention.unused_images(
                    before, limit=BATCH, after=after
                )
            for image in unused:
                with isolate("image not removed", image=image.reference):
                    if not await self._remove_image(image):
                        return
            if after is None:
                return

    async def _remove_image(self, unused: UnusedImage) -> bool:
        """Remove an image; return whether the builder removes images at all."""
        build = unused.build
        assert build.image is not None
        # Under the lock of the schedule: nobody is being served with it by its key.
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            if await tx.retention.used_images([build]):
                return True
            await tx.retention.mark_removed(build.id, self._clock.now())
        # A launcher may have moved to it while the mark was not committed yet.
        async with self._store.transaction() as tx:
            if await tx.retention.used_images([build]):
                await tx.retention.mark_removed(build.id, None)
                return True
        try:
            is_removed = await self._builder.remove_image(build.image)
        except BaseException:
            await self._keep(build)
            raise
        if not is_removed:
            await self._keep(build)
            self._warn(build)
            return False
        log.info("unused image removed", image=unused.reference, build=build.id)
        if unused.is_environment_gone:
            await self._builder.remove_cache(build)
        return True

    async def _keep(self, build: Build) -> None:
        """Take the mark back: the image is there, and is tried again next time."""
        async with self._store.transaction() as tx:
            await tx.retention.mark_removed(build.id, None)

    def _warn(self, build: Build) -> None:
        # Once for each process: it is the registry's setting, not the image's.
        if not self._has_warned:
            log.warning("the registry does not delete images", build=build.id)
        self._has_warned = True


async def _remove_logs(tx: Transaction, before: datetime, limit: int) -> int:
    return await tx.retention.remove_logs(before, limit=limit)


async def _remove_rebuilds(tx: Transaction, before: datetime, limit: int) -> int:
    return await tx.retention.remove_rebuilds(before, limit=limit)


async def _remove_builds(tx: Transaction, before: datetime, limit: int) -> int:
    return await tx.retention.remove_builds(before, limit=limit)


async def _remove_evaluations(tx: Transaction, before: datetime, limit: int) -> int:
    return await tx.retention.remove_evaluations(before, limit=limit)


async def _remove_deliveries(tx: Transaction, before: datetime, limit: int) -> int:
    return await tx.retention.remove_deliveries(before, limit=limit)
