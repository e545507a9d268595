"""Named locks of a shared database."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["take_locks"]


async def take_locks(connection: AsyncConnection, locks: Sequence[str]) -> None:
    """Hold named locks until the transaction ends.

    Everybody takes them in the same order, so nobody waits in a circle. They are the
    schema's: another installation in the same database has its own.
    """
    for lock in sorted(set(locks)):
        name = func.concat(func.current_schema(), "/", lock)
        key = func.hashtextextended(name, 0)
        await connection.execute(select(func.pg_advisory_xact_lock(key)))
