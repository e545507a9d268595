"""Deliveries: what arrived."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Select, case, exists, or_, select

from service.adapters.store.access.visibility import visible_deliveries
from service.adapters.store.keyset import Order
from service.adapters.store.membership import among
from service.adapters.store.statements import Columns, Row, Statements, Values
from service.adapters.store.tables.configuration import hooks as hooks_table
from service.adapters.store.tables.evaluations import evaluation_deliveries
from service.adapters.store.tables.operation import deliveries
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.ports.store import Cursor, DeliveryRecord

__all__ = ["SqlDeliveries"]

NO_HEADERS: Final[Mapping[str, str]] = {}
_NEWEST_FIRST: Final = Order(
    at=deliveries.c.received_at, id=deliveries.c.id, is_newest_first=True
)


class SqlDeliveries:
    """Implement the port `Deliveries`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def record(self, records: Iterable[DeliveryRecord]) -> None:
        # In one order for everybody: two writers never wait for each other's rows.
        rows = [
            _to_row(delivery) for delivery in sorted(records, key=lambda item: item.id)
        ]
        await self._run.put_all(deliveries, rows, changes=_changes)

    async def get(self, delivery: DeliveryId) -> DeliveryRecord:
        query = select(deliveries).where(deliveries.c.id == delivery)
        return _from_row(await self._run.the_one(query, what="Delivery", id_=delivery))

    async def some(self, ids: Collection[DeliveryId]) -> Sequence[DeliveryRecord]:
        if not ids:
            return ()
        query = select(deliveries).where(among(deliveries.c.id, ids))
        return [_from_row(row) for row in await self._run.rows(query)]

    async def find(self, text: str) -> Sequence[DeliveryRecord]:
        is_named = or_(deliveries.c.id == text, deliveries.c.forge_delivery_id == text)
        return await self._newest(select(deliveries).where(is_named))

    async def list(
        self,
        *,
        hook: HookId | None = None,
        limit: int = 50,
        after: Cursor | None = None,
        visible: ProjectFilter = EVERYTHING,
    ) -> Sequence[DeliveryRecord]:
        query = select(deliveries).where(*_NEWEST_FIRST.behind(after)).limit(limit)
        if not visible.is_everything:
            query = query.where(deliveries.c.id.in_(visible_deliveries(visible)))
        if hook is not None:
            query = query.where(deliveries.c.hook_id == hook)
        return await self._newest(query)

    async def unevaluated(
        self,
        *,
        since: datetime,
        before: datetime,
        limit: int = 500,
        after: Cursor | None = None,
    ) -> Sequence[DeliveryRecord]:
        order = _NEWEST_FIRST.turned()
        is_evaluated = exists().where(
            evaluation_deliveries.c.delivery_id == deliveries.c.id
        )
        query = (
            select(deliveries)
            .where(
                deliveries.c.received_at >= since,
                deliveries.c.received_at < before,
                *order.behind(after),
                deliveries.c.status == "accepted",
                ~is_evaluated,
            )
            .order_by(*order.keys)
            .limit(limit)
        )
        return [_from_row(row) for row in await self._run.rows(query)]

    async def newest(self, hooks: Iterable[HookId]) -> Mapping[HookId, DeliveryRecord]:
        # For each hook the index is read at its newest end alone.
        known = tuple(hooks)
        others = deliveries.alias()
        newest = (
            select(others.c.id)
            .where(others.c.hook_id == hooks_table.c.id)
            .order_by(others.c.received_at.desc(), others.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        ids = select(newest).where(hooks_table.c.id.in_(known))
        query = select(deliveries).where(deliveries.c.id.in_(ids))
        records = [_from_row(row) for row in await self._run.rows(query)]
        return {record.hook_id: record for record in records}

    async def trim(self, hook: HookId, *, keep: int) -> None:
        is_of_hook = deliveries.c.hook_id == hook
        query = (
            select(deliveries.c.received_at, deliveries.c.id)
            .where(is_of_hook)
            .order_by(*_NEWEST_FIRST.keys)
            .offset(keep)
            .limit(1)
        )
        # For each hook: one busy repository would otherwise push the records of all
        # others out.
        for row in await self._run.rows(query):
            newest = Cursor(at=row["received_at"], id=row["id"])
            await self._run.remove(deliveries, is_of_hook, _NEWEST_FIRST.since(newest))

    async def _newest(
        self, query: Select[*tuple[object, ...]]
    ) -> Sequence[DeliveryRecord]:
        rows = await self._run.rows(query.order_by(*_NEWEST_FIRST.keys))
        return [_from_row(row) for row in rows]


def _changes(new: Columns) -> Values:
    """Return what a known delivery becomes: the same arrival counts once."""
    # The receiver and the consumer of its event both write a delivery, in any order and
    # at most once each for an arrival: equal times are the same arrival.
    is_again = deliveries.c.received_at != new.received_at
    is_accepted = new.status == "accepted"
    extra = {
        # `accepted` stays: a delivery that came again as a duplicate, or was refused
        # later, was accepted once, and its evaluation refers to it.
        name: case((is_accepted, new[name]), else_=deliveries.c[name])
        for name in ("status", "reason", "message", "ref", "is_by_old_secret")
    }
    count = deliveries.c.count + case((is_again, new["count"]), else_=0)
    # Who handles the event of a delivery never saw its headers.
    has_headers = new.headers != NO_HEADERS
    headers = case((has_headers, new["headers"]), else_=deliveries.c.headers)
    return {"count": count, "headers": headers, **extra}


def _to_row(record: DeliveryRecord) -> Values:
    return {
        "id": record.id,
        "hook_id": record.hook_id,
        "forge_delivery_id": record.forge_delivery_id,
        "event": record.event,
        "status": record.status,
        "reason": record.reason,
        "message": record.message,
        "repository": record.repository,
        "ref": record.ref,
        "before": record.before,
        "after": record.after,
        "headers": dict(record.headers),
        "received_at": record.received_at,
        "count": record.count,
        "is_by_old_secret": record.is_by_old_secret,
    }


def _from_row(row: Row) -> DeliveryRecord:
    return DeliveryRecord(
        id=DeliveryId(row["id"]),
        hook_id=HookId(row["hook_id"]),
        forge_delivery_id=row["forge_delivery_id"],
        event=row["event"],
        status=row["status"],
        reason=row["reason"],
        message=row["message"],
        repository=row["repository"],
        ref=row["ref"],
        before=row["before"],
        after=row["after"],
        headers=row["headers"],
        received_at=row["received_at"],
        count=row["count"],
        is_by_old_secret=row["is_by_old_secret"],
    )
