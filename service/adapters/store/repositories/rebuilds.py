"""Rebuilds: what environments asked for."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    select,
    text,
    true,
    tuple_,
)

from service.adapters.store.access.visibility import only_visible
from service.adapters.store.batches.rebuilds import SqlRebuildBatches
from service.adapters.store.json_columns import (
    failure_from,
    failure_to,
    plan_from,
    plan_to,
)
from service.adapters.store.keyset import Order, read_page
from service.adapters.store.membership import each
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.builds import (
    FAILED,
    UNFINISHED as IS_UNFINISHED,
    UNPLANNED,
    rebuilds,
)
from service.adapters.store.tables.configuration import launchers
from service.adapters.store.tables.evaluations import asks
from service.domain.building.build import (
    BuildId,
    BuildState,
    EnvironmentId,
    Rebuild,
    RebuildId,
)
from service.domain.evaluation.comparison import EvaluationId
from service.domain.push import Trigger
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.domain.source import SourceId
from service.ports.store.paging import Cursor, Page, PageRequest

__all__ = ["UNFINISHED", "SqlRebuilds", "read_rebuild"]

UNFINISHED: Final = tuple(state.value for state in BuildState if not state.is_final)
"""The states that something can still happen to."""
_NEWEST_FIRST: Final = Order(
    at=rebuilds.c.created_at, id=rebuilds.c.id, is_newest_first=True
)
_BY_END: Final = Order(at=rebuilds.c.completed_at, id=rebuilds.c.id)


class SqlRebuilds(SqlRebuildBatches):
    """Implement the port `Rebuilds`."""

    def __init__(self, statements: Statements) -> None:
        super().__init__(statements, read=read_rebuild, write=_to_row)

    async def add(self, rebuild: Rebuild) -> None:
        await self._run.add(rebuilds, _to_row(rebuild))

    async def get(self, rebuild: RebuildId) -> Rebuild:
        query = select(rebuilds).where(rebuilds.c.id == rebuild)
        return read_rebuild(await self._run.the_one(query, what="Build", id_=rebuild))

    async def save(self, rebuild: Rebuild) -> None:
        await self._run.save(rebuilds, _to_row(rebuild), what="Build")

    async def unfinished(
        self, *, environment: EnvironmentId | None = None
    ) -> Sequence[Rebuild]:
        query = select(rebuilds).where(text(f"rebuilds.{IS_UNFINISHED}"))
        if environment is not None:
            query = query.where(rebuilds.c.environment_id == environment)
        return await self._held(query)

    async def unplanned(
        self, source: SourceId, *, until: datetime
    ) -> Sequence[RebuildId]:
        query = (
            select(rebuilds.c.id)
            .where(
                text(f"rebuilds.{UNPLANNED}"),
                rebuilds.c.source_id == source,
                rebuilds.c.created_at <= until,
            )
            .order_by(rebuilds.c.created_at, rebuilds.c.id)
        )
        return [RebuildId(row["id"]) for row in await self._run.rows(query)]

    async def busy(
        self, *, source: SourceId | None = None, among: Iterable[EnvironmentId] = ()
    ) -> Collection[EnvironmentId]:
        query = select(rebuilds.c.environment_id).where(
            text(f"rebuilds.{IS_UNFINISHED}")
        )
        if source is None:
            query = query.where(rebuilds.c.environment_id.in_(tuple(among)))
        else:
            query = query.join(
                launchers, launchers.c.environment_id == rebuilds.c.environment_id
            ).where(launchers.c.source_id == source)
        rows = await self._run.rows(query)
        return {EnvironmentId(row["environment_id"]) for row in rows}

    async def is_any_waiting(self) -> bool:
        query = select(rebuilds.c.id).where(
            text(f"rebuilds.{IS_UNFINISHED}"),
            rebuilds.c.build_id.is_(None),
            rebuilds.c.plan.is_not(None),
        )
        return bool(await self._run.rows(query.limit(1)))

    async def stranded(self, *, before: datetime) -> Sequence[SourceId]:
        query = (
            select(rebuilds.c.source_id)
            .where(
                text(UNPLANNED),
                rebuilds.c.created_at <= before,
                # Any request of the source will do: its evaluation answers rebuilds
                # that it does not name, too.
                ~exists().where(asks.c.source_id == rebuilds.c.source_id),
            )
            .distinct()
        )
        return [SourceId(row["source_id"]) for row in await self._run.rows(query)]

    async def of_environment(
        self,
        environment: EnvironmentId,
        *,
        limit: int | None = None,
        after: Cursor | None = None,
    ) -> Sequence[Rebuild]:
        query = select(rebuilds).where(
            rebuilds.c.environment_id == environment, *_NEWEST_FIRST.behind(after)
        )
        return await self._newest(query, limit=limit)

    async def newest(self, environments: Iterable[EnvironmentId]) -> Sequence[Rebuild]:
        # For each environment the index is read at its newest end alone.
        wanted = each(environments)
        others = rebuilds.alias()
        newest = (
            select(others.c.id)
            .where(others.c.environment_id == wanted.c.value)
            .order_by(others.c.created_at.desc(), others.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        # From `wanted` by name: without it the scalar query has `wanted` inside itself,
        # and its one row is the newest of all environments.
        ids = select(newest).select_from(wanted)
        query = select(rebuilds).where(rebuilds.c.id.in_(ids))
        return [read_rebuild(row) for row in await self._run.rows(query)]

    async def failed(
        self,
        *,
        since: datetime,
        reasons: Iterable[str] = (),
        limit: int,
        after: Rebuild | None = None,
    ) -> Page[Rebuild]:
        chosen = tuple(reasons)
        query = _failed(since).where(
            rebuilds.c.reason.in_(chosen) if chosen else true()
        )
        page = PageRequest(limit=limit, after=_end_of(after) if after else None)
        return await read_page(self._run, query, _BY_END, page, read_rebuild)

    async def latest_failed(
        self, *, since: datetime, visible: ProjectFilter, limit: int
    ) -> Sequence[Rebuild]:
        query = only_visible(_failed(since), launchers.c.project_id, visible)
        query = query.order_by(*_BY_END.turned().keys).limit(limit)
        return [read_rebuild(row) for row in await self._run.rows(query)]

    async def of_build(self, build: BuildId) -> Sequence[Rebuild]:
        return await self._held(select(rebuilds).where(rebuilds.c.build_id == build))

    async def of_evaluation(self, evaluation: EvaluationId) -> Sequence[Rebuild]:
        return await self._held(
            select(rebuilds).where(rebuilds.c.evaluation_id == evaluation)
        )

    async def list(
        self,
        *,
        limit: int,
        after: Cursor | None = None,
        state: BuildState | None = None,
        visible: ProjectFilter = EVERYTHING,
    ) -> Sequence[Rebuild]:
        query = select(rebuilds).where(*_NEWEST_FIRST.behind(after))
        if state is not None:
            query = query.where(rebuilds.c.state == state.value)
        if not visible.is_everything:
            own = only_visible(select(launchers.c.id), launchers.c.project_id, visible)
            query = query.where(rebuilds.c.launcher_id.in_(own))
        return await self._newest(query, limit=limit)

    async def _held(self, query: Select[*tuple[object, ...]]) -> Sequence[Rebuild]:
        query = query.order_by(rebuilds.c.created_at, rebuilds.c.id)
        return [read_rebuild(row) for row in await self._run.held(query)]

    async def _newest(
        self, query: Select[*tuple[object, ...]], *, limit: int | None
    ) -> Sequence[Rebuild]:
        rows = await self._run.rows(query.order_by(*_NEWEST_FIRST.keys).limit(limit))
        return [read_rebuild(row) for row in rows]


def _failed(since: datetime) -> Select[*tuple[object, ...]]:
    """Return the query for failures that are the newest of a launcher's."""
    return (
        select(rebuilds)
        .join(launchers, launchers.c.environment_id == rebuilds.c.environment_id)
        .where(
            text(f"rebuilds.{FAILED}"),
            launchers.c.source_id.is_not(None),
            rebuilds.c.completed_at >= since,
            # By (created_at, id), since two rebuilds may be created in one transaction
            # with one time; ids are ULIDs and sort by creation.
            ~exists().where(_is_newer()),
        )
    )


def _is_newer() -> ColumnElement[bool]:
    """Return the condition that a later rebuild of the same environment exists."""
    other = rebuilds.alias()
    return and_(
        other.c.environment_id == rebuilds.c.environment_id,
        tuple_(other.c.created_at, other.c.id)
        > tuple_(rebuilds.c.created_at, rebuilds.c.id),
    )


def _end_of(rebuild: Rebuild) -> Cursor:
    """Return the position of a final rebuild in the order of their ends."""
    return Cursor(at=rebuild.completed_at or rebuild.created_at, id=rebuild.id)


def _to_row(rebuild: Rebuild) -> Values:
    return {
        "id": rebuild.id,
        "environment_id": rebuild.environment_id,
        "launcher_id": rebuild.launcher_id,
        "source_id": rebuild.source_id,
        "evidence": rebuild.trigger.value,
        "is_fresh": rebuild.is_fresh,
        "evaluation_id": rebuild.plan.evaluation_id if rebuild.plan else None,
        "plan": plan_to(rebuild.plan),
        "key": rebuild.plan.key if rebuild.plan else None,
        "state": rebuild.state.value,
        "build_id": rebuild.build_id,
        "created_at": rebuild.created_at,
        "started_at": rebuild.started_at,
        "completed_at": rebuild.completed_at,
        "failure": failure_to(rebuild.failure),
        "image": rebuild.image,
        "reason": rebuild.reason,
    }


def read_rebuild(row: Row) -> Rebuild:
    """Read a rebuild off its row."""
    return Rebuild(
        id=RebuildId(row["id"]),
        environment_id=EnvironmentId(row["environment_id"]),
        launcher_id=row["launcher_id"],
        source_id=row["source_id"],
        trigger=Trigger(row["evidence"]),
        is_fresh=row["is_fresh"],
        plan=plan_from(row["plan"]),
        state=BuildState(row["state"]),
        build_id=row["build_id"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        failure=failure_from(row["failure"]),
        image=row["image"],
        reason=row["reason"],
    )
