"""Remove old logs, evaluations, deliveries, rebuilds and builds, in batches."""

from datetime import datetime
from typing import Final

from sqlalchemy import Column, ColumnElement, Table, and_, exists, or_, select, tuple_

from service.adapters.store.statements import Statements
from service.adapters.store.tables.builds import builds, log_lines, logs, rebuilds
from service.adapters.store.tables.configuration import launchers
from service.adapters.store.tables.evaluations import (
    asks,
    evaluation_deliveries,
    evaluations,
)
from service.adapters.store.tables.operation import deliveries
from service.domain.building.build import BuildState
from service.ports.store.retention import IMAGES_KEPT

__all__ = ["SqlHistoryRetention"]

_FINAL: Final = tuple(state.value for state in BuildState if state.is_final)


class SqlHistoryRetention:
    """Remove what is old and what nothing that is kept refers to."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def remove_logs(self, before: datetime, *, limit: int) -> int:
        old = (
            select(builds.c.id)
            .where(builds.c.state.in_(_FINAL), builds.c.completed_at < before)
            .where(exists().where(logs.c.build_id == builds.c.id))
        )
        ids = await self._ids(old.order_by(builds.c.completed_at).limit(limit))
        await self._remove_logs(ids)
        return len(ids)

    async def remove_evaluations(self, before: datetime, *, limit: int) -> int:
        later = evaluations.alias()
        is_last = ~exists().where(
            later.c.source_id == evaluations.c.source_id,
            tuple_(later.c.completed_at, later.c.id)
            > tuple_(evaluations.c.completed_at, evaluations.c.id),
        )
        is_referred = exists().where(rebuilds.c.evaluation_id == evaluations.c.id)
        old = (
            select(evaluations.c.id)
            .where(evaluations.c.completed_at < before)
            .where(~is_last, ~is_referred)
            .order_by(evaluations.c.completed_at, evaluations.c.id)
        )
        ids = await self._ids(old.limit(limit))
        links = evaluation_deliveries.c.evaluation_id
        await self._remove(evaluation_deliveries, links, ids)
        await self._remove(evaluations, evaluations.c.id, ids)
        return len(ids)

    async def remove_deliveries(self, before: datetime, *, limit: int) -> int:
        # What waits for its evaluation is not over, however old it is.
        is_waiting = exists().where(asks.c.delivery_id == deliveries.c.id)
        old = (
            select(deliveries.c.id)
            .where(deliveries.c.received_at < before, ~is_waiting)
            .order_by(deliveries.c.received_at, deliveries.c.id)
        )
        ids = await self._ids(old.limit(limit))
        await self._remove(deliveries, deliveries.c.id, ids)
        return len(ids)

    async def remove_rebuilds(self, before: datetime, *, limit: int) -> int:
        old = (
            select(rebuilds.c.id)
            .where(rebuilds.c.state.in_(_FINAL), rebuilds.c.created_at < before)
            .where(~_is_newest(), ~_is_last_good())
            .order_by(rebuilds.c.created_at, rebuilds.c.id)
        )
        ids = await self._ids(old.limit(limit))
        await self._remove(rebuilds, rebuilds.c.id, ids)
        return len(ids)

    async def remove_builds(self, before: datetime, *, limit: int) -> int:
        has_image = and_(
            builds.c.state == BuildState.SUCCEEDED.value,
            builds.c.image.is_not(None),
            builds.c.image_removed_at.is_(None),
        )
        old = (
            select(builds.c.id)
            .where(builds.c.state.in_(_FINAL), builds.c.completed_at < before)
            .where(~has_image, ~exists().where(rebuilds.c.build_id == builds.c.id))
            .order_by(builds.c.completed_at)
        )
        ids = await self._ids(old.limit(limit))
        await self._remove_logs(ids)
        await self._remove(builds, builds.c.id, ids)
        return len(ids)

    async def _remove_logs(self, ids: list[str]) -> None:
        await self._remove(log_lines, log_lines.c.build_id, ids)
        await self._remove(logs, logs.c.build_id, ids)

    async def _ids(self, query: object) -> list[str]:
        rows = await self._run.rows(query)  # type: ignore[arg-type]
        return [str(row["id"]) for row in rows]

    async def _remove(self, table: Table, column: Column[str], ids: list[str]) -> None:
        if ids:
            await self._run.remove(table, column.in_(ids))


def _has_launcher() -> ColumnElement[bool]:
    return exists().where(launchers.c.environment_id == rebuilds.c.environment_id)


def _is_newest() -> ColumnElement[bool]:
    """Return whether a rebuild is the newest of an environment that is there."""
    later = rebuilds.alias()
    return and_(
        _has_launcher(),
        ~exists().where(
            later.c.environment_id == rebuilds.c.environment_id,
            tuple_(later.c.created_at, later.c.id)
            > tuple_(rebuilds.c.created_at, rebuilds.c.id),
        ),
    )


def _is_last_good() -> ColumnElement[bool]:
    """Return whether a rebuild is one of the last good ones of its environment."""
    later = rebuilds.alias()
    # The one that as many good ones follow as are kept, if there is such a one.
    edge = (
        select(later.c.created_at)
        .where(
            later.c.environment_id == rebuilds.c.environment_id,
            later.c.state == BuildState.SUCCEEDED.value,
        )
        .order_by(later.c.created_at.desc(), later.c.id.desc())
        .offset(IMAGES_KEPT - 1)
        .limit(1)
        .scalar_subquery()
    )
    return and_(
        _has_launcher(),
        rebuilds.c.state == BuildState.SUCCEEDED.value,
        or_(edge.is_(None), rebuilds.c.created_at >= edge),
    )
