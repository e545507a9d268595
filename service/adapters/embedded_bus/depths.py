"""Count the messages of the embedded bus."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.tables.bus import bus_queue

__all__ = ["count_messages"]


async def count_messages(
    connection: AsyncConnection, roles: Sequence[str]
) -> Mapping[tuple[str, bool], int]:
    """Count the messages of roles, by whether nobody could handle them."""
    is_dead = bus_queue.c.died_at.is_not(None)
    query = (
        select(bus_queue.c.role, is_dead.label("is_dead"), func.count().label("count"))
        .where(bus_queue.c.role.in_(roles))
        .group_by(bus_queue.c.role, is_dead)
    )
    rows = (await connection.execute(query)).mappings().all()
    return {(row["role"], bool(row["is_dead"])): row["count"] for row in rows}
