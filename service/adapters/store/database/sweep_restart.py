"""Make every source due for a poll, for who cannot wait for the sweep to come round."""

from datetime import datetime

from sqlalchemy import update

from service.adapters.store.database.maintenance import open_alone
from service.adapters.store.database.schema import expect_current
from service.adapters.store.tables.evaluations import sweeps

__all__ = ["make_all_due"]


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
    # The sweep polls what is due longest first, and new sources beside it, so those
    # that were due before keep their places.
    statement = update(sweeps).where(sweeps.c.due_at > now).values(due_at=now)
    async with open_alone(url) as connection:
        await connection.run_sync(expect_current)
        return (await connection.execute(statement)).rowcount
