"""Leases: which process does what only one may do."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select

from service.adapters.store.statements import Statements
from service.adapters.store.tables.operation import leases

__all__ = ["SqlLeases"]


class SqlLeases:
    """Implement the port `Leases`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def acquire(
        self, name: str, *, owner: str, now: datetime, length: timedelta
    ) -> bool:
        mine = {"owner": owner, "held_until": now + length}
        if await self._run.add(leases, {"name": name, **mine}):
            return True
        # One conditional UPDATE: of two concurrent ones, the second waits for the
        # first and then sees its `held_until`, so it changes nothing.
        is_free = or_(leases.c.owner == owner, leases.c.held_until <= now)
        return await self._run.change(leases, mine, leases.c.name == name, is_free)

    async def release(self, name: str, *, owner: str) -> None:
        # By owner: who lost the lease while it was busy must not end its successor's.
        await self._run.remove(leases, leases.c.name == name, leases.c.owner == owner)

    async def is_held(self, name: str, *, now: datetime) -> bool:
        query = select(leases.c.owner).where(
            leases.c.name == name, leases.c.held_until > now
        )
        return bool(await self._run.rows(query))
