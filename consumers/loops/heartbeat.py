"""A claim that lives as long as its process: renewed while the work goes on.

Who is killed renews nothing, so what it had claimed is free for others within seconds.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.domain.source import SourceId
from service.errors import TransientError
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["LEASE", "keep_claim"]

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=12)
"""How long the sources of a killed process wait, as leadership does."""
RENEW: Final = timedelta(seconds=3)
"""Three renewals may fail before the claim ends."""


@asynccontextmanager
async def keep_claim(
    source: SourceId, *, claimed_at: datetime, store: Store, clock: Clock
) -> AsyncIterator[None]:
    """Renew the claim of a due evaluation while the block runs.

    A claim that was lost meanwhile stays lost: two evaluations at once do no harm,
    since the older one is not recorded.
    """
    # TaskGroup wraps what is raised in its block into an ExceptionGroup, and callers
    # tell transient from permanent errors by their class. So it is carried out of the
    # group by hand.
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(_beat(source, claimed_at + LEASE, store, clock))
        try:
            yield
        except Exception as exc:  # noqa: BLE001 - raised below; the group would wrap it
            failure = exc
        finally:
            beating.cancel()
    if failure is not None:
        raise failure


async def _beat(
    source: SourceId, held_until: datetime, store: Store, clock: Clock
) -> None:
    while True:
        await clock.sleep(RENEW)
        # Compare-and-set on the exact end of the claim: whoever lost it to another
        # process finds another end and renews nothing, so a claim never has two
        # holders.
        extension = clock.now() + LEASE - held_until
        try:
            async with store.transaction() as tx:
                is_held = await tx.evaluation_queue.renew(
                    source, held_until=held_until, lease=extension
                )
        except TransientError as exc:
            # The evaluation goes on. If the claim runs out meanwhile another process
            # repeats it, and the generation keeps the older of both out.
            log.warning("claim not renewed", source=source, error=str(exc))
            continue
        if not is_held:
            return
        held_until += extension
