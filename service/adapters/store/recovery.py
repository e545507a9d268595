"""What a process had taken on when it died."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.tables.bus import bus_queue
from service.adapters.store.tables.evaluations import appointments

__all__ = ["release_claims"]


async def release_claims(connection: AsyncConnection) -> None:
    """Give back every claim: whoever owned the database before is gone.

    Where processes share a database, claims come back when their lease runs out.
    """
    await connection.execute(update(appointments).values(claimed_until=None))
    # Attempts are not counted up: the end of a process is no failure of the messages it
    # held.
    await connection.execute(
        update(bus_queue).values(claimed_by=None, claimed_until=None)
    )
