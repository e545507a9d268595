"""Make every source due for a poll, for who cannot wait for the sweep to come round."""

from datetime import datetime
from typing import Final

from sqlalchemy import select, update

from service.adapters.store.database.maintenance import open_alone
from service.adapters.store.database.schema import expect_current
from service.adapters.store.tables.evaluations import sweeps

__all__ = ["make_all_due"]

_PAGE: Final = 1000


async def make_all_due(url: str, *, now: datetime) -> int:
    """Have the sweep ask for the head of every source next; return how many they are.

    Args:
        url: The database's.
        now: When they are due.

    Raises:
        TransientError: The database does not answer.
        PermanentError: The URL is wrong, another process owns the file, or the tables
            are of another version.
    """
    # Locked in the order in which the leading consumer saves (`SqlSweeps.save`): an
    # UPDATE of all rows locks them as they lie, and each would wait for the other.
    page = (
        select(sweeps.c.source_id)
        .where(sweeps.c.due_at > now)
        .order_by(sweeps.c.source_id)
        .limit(_PAGE)
        .with_for_update()
    )
    count, last = 0, ""
    async with open_alone(url) as connection:
        await connection.run_sync(expect_current)
        while True:
            following = page.where(sweeps.c.source_id > last)
            ids = (await connection.execute(following)).scalars().all()
            if not ids:
                return count
            # The sweep polls what is due longest first, and new sources beside it, so
            # those that were due before keep their places.
            due = update(sweeps).where(sweeps.c.source_id.in_(ids)).values(due_at=now)
            await connection.execute(due)
            count, last = count + len(ids), ids[-1]
