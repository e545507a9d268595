"""Named locks of a shared database."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["take_locks"]


async def take_locks(connection: AsyncConnection, locks: Sequence[str]) -> None:
    """Take named advisory locks until the transaction ends.

    They belong to the schema: another installation in the same database has its own.
    """
    # In one order everywhere, so that two transactions cannot deadlock.
    for lock in sorted(set(locks)):
        # A hash of 64 bits: two names that collide wait for each other needlessly, and
        # nothing else happens.
        name = func.concat(func.current_schema(), "/", lock)
        key = func.hashtextextended(name, 0)
        # `xact`: given back by the end of the transaction whatever happens. A session
        # lock would stay with a pooled connection after an error.
        await connection.execute(select(func.pg_advisory_xact_lock(key)))
