"""Requests that are answered once, by their `Idempotency-Key`."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import and_, or_, select

from service.adapters.store.statements import Statements
from service.adapters.store.tables.access import idempotency_keys
from service.ports.store.idempotency import KeptAnswer

__all__ = ["SqlIdempotencyKeys"]


class SqlIdempotencyKeys:
    """Implement the port `IdempotencyKeys`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def begin(
        self, key: str, *, request: str, at: datetime, forget: datetime, late: datetime
    ) -> KeptAnswer | None:
        of = idempotency_keys.c
        interrupted = and_(of.key == key, of.status.is_(None), of.created_at < late)
        await self._run.remove(
            idempotency_keys, or_(of.created_at < forget, interrupted)
        )
        # One INSERT decides between two that come at the same moment.
        new = {"key": key, "request": request, "created_at": at}
        if await self._run.add(idempotency_keys, new):
            return None
        rows = await self._run.rows(select(idempotency_keys).where(of.key == key))
        return next(
            (
                KeptAnswer(
                    request=row["request"],
                    status=row["status"],
                    body=row["body"] or "",
                    # None of rows that an earlier version wrote.
                    headers=row["headers"] or {},
                )
                for row in rows
            ),
            None,
        )

    async def finish(
        self, key: str, *, status: int, body: str, headers: Mapping[str, str]
    ) -> None:
        await self._run.change(
            idempotency_keys,
            {"status": status, "body": body, "headers": dict(headers)},
            idempotency_keys.c.key == key,
        )

    async def remove(self, key: str) -> None:
        await self._run.remove(idempotency_keys, idempotency_keys.c.key == key)
