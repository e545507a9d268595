"""Named locks of a shared database."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["take_locks"]

# `xact`: given back by the end of the transaction whatever happens. A session lock
# would stay with a pooled connection after an error. A hash of 64 bits: two names that
# collide wait for each other needlessly, and nothing else happens. A sorted subquery is
# not merged into the query around it, so the locks are taken in its order.
_TAKE: Final = text(
    "SELECT pg_advisory_xact_lock("
    "hashtextextended(current_schema() || '/' || name, 0))"
    " FROM (SELECT name FROM unnest(CAST(:names AS text[]))"
    " WITH ORDINALITY AS wanted (name, place) ORDER BY place) AS ordered"
)


async def take_locks(connection: AsyncConnection, locks: Sequence[str]) -> None:
    """Take named advisory locks until the transaction ends.

    They belong to the schema: another installation in the same database has its own.
    """
    if locks:
        # In one order everywhere, so that two transactions cannot deadlock.
        await connection.execute(_TAKE, {"names": sorted(set(locks))})
