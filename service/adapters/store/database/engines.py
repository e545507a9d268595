"""The connections of one database."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

__all__ = ["DatabaseEngines", "close_engine"]

_LAST_ONES: Final = timedelta(seconds=1)
"""For connections that come back while an engine is closed; at a stop nobody waits."""
_POLL: Final = timedelta(milliseconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseEngines:
    """Pools of connections that read only, and that write."""

    readers: AsyncEngine
    single_readers: AsyncEngine
    """For single statements, where a transaction around each costs more than it."""
    writers: AsyncEngine


async def close_engine(engine: AsyncEngine) -> None:
    """Close an engine's connections, also those that come back within a second.

    Who was cancelled in a transaction gives its connection back in a task of the
    library's own, and what comes back to a pool that was disposed of is closed by
    nobody: the collector finds it.
    https://docs.sqlalchemy.org/en/20/core/connections.html#engine-disposal
    """
    pool = engine.pool
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_ONES.total_seconds()):
            # A pool has no event for the return of its last connection.
            while isinstance(pool, QueuePool) and pool.checkedout():  # noqa: ASYNC110
                await asyncio.sleep(_POLL.total_seconds())
    await engine.dispose()
