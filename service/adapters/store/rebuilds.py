"""Rebuilds: what environments asked for."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, exists, select, text, true, tuple_

from service.adapters.store.documents import (
    failure_from,
    failure_to,
    plan_from,
    plan_to,
)
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables import (
    UNFINISHED as IS_UNFINISHED,
    asks,
    launchers,
    rebuilds,
)
from service.domain.build import (
    BuildId,
    BuildState,
    EnvironmentId,
    Rebuild,
    RebuildId,
)
from service.domain.evaluation import EvaluationId
from service.domain.push import Evidence
from service.domain.source import SourceId
from service.ports.store.paging import Page, PageRequest

__all__ = ["UNFINISHED", "SqlRebuilds"]

UNFINISHED: Final = tuple(it.value for it in BuildState if not it.is_final)
"""The states that something can still happen to."""


class SqlRebuilds:
    """Implements the port `Rebuilds`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, rebuild: Rebuild) -> None:
        await self._run.add(rebuilds, _to_row(rebuild))

    async def get(self, rebuild: RebuildId) -> Rebuild:
        query = select(rebuilds).where(rebuilds.c.id == rebuild)
        return _from_row(await self._run.the_one(query, what="rebuild", id_=rebuild))

    async def save(self, rebuild: Rebuild) -> None:
        await self._run.save(rebuilds, _to_row(rebuild), what="rebuild")

    async def unfinished(self) -> Sequence[Rebuild]:
        return await self._held(
            select(rebuilds).where(rebuilds.c.state.in_(UNFINISHED))
        )

    async def stranded(self, *, before: datetime) -> Sequence[SourceId]:
        query = (
            select(rebuilds.c.source_id)
            .where(
                text(IS_UNFINISHED),
                rebuilds.c.key.is_(None),
                rebuilds.c.created_at <= before,
                ~exists().where(asks.c.source_id == rebuilds.c.source_id),
            )
            .distinct()
        )
        return [SourceId(row["source_id"]) for row in await self._run.rows(query)]

    async def of_environment(
        self, environment: EnvironmentId, *, limit: int | None = None
    ) -> Sequence[Rebuild]:
        query = select(rebuilds).where(rebuilds.c.environment_id == environment)
        return await self._newest(query, limit=limit)

    async def newest(self, environments: Iterable[EnvironmentId]) -> Sequence[Rebuild]:
        query = select(rebuilds).where(
            rebuilds.c.environment_id.in_(tuple(environments)),
            ~exists().where(_is_newer()),
        )
        return [_from_row(row) for row in await self._run.rows(query)]

    async def failed(
        self, *, since: datetime, reasons: Iterable[str] = (), limit: int
    ) -> Page[Rebuild]:
        chosen = tuple(reasons)
        query = (
            select(rebuilds)
            .join(launchers, launchers.c.environment_id == rebuilds.c.environment_id)
            .where(
                rebuilds.c.state == BuildState.FAILED.value,
                rebuilds.c.completed_at >= since,
                ~exists().where(_is_newer()),
                rebuilds.c.reason.in_(chosen) if chosen else true(),
            )
            .order_by(rebuilds.c.completed_at, rebuilds.c.id)
        )
        return await self._run.page(query, PageRequest(limit=limit), _from_row)

    async def of_build(self, build: BuildId) -> Sequence[Rebuild]:
        return await self._held(select(rebuilds).where(rebuilds.c.build_id == build))

    async def of_evaluation(self, evaluation: EvaluationId) -> Sequence[Rebuild]:
        return await self._held(
            select(rebuilds).where(rebuilds.c.evaluation_id == evaluation)
        )

    async def list(self, *, limit: int) -> Sequence[Rebuild]:
        return await self._newest(select(rebuilds), limit=limit)

    async def _held(self, query: Select[*tuple[object, ...]]) -> Sequence[Rebuild]:
        query = query.order_by(rebuilds.c.created_at, rebuilds.c.id)
        return [_from_row(row) for row in await self._run.held(query)]

    async def _newest(
        self, query: Select[*tuple[object, ...]], *, limit: int | None
    ) -> Sequence[Rebuild]:
        newest = (rebuilds.c.created_at.desc(), rebuilds.c.id.desc())
        rows = await self._run.rows(query.order_by(*newest).limit(limit))
        return [_from_row(row) for row in rows]


def _is_newer() -> ColumnElement[bool]:
    """Say that another rebuild of the same environment was asked for later."""
    other = rebuilds.alias()
    return and_(
        other.c.environment_id == rebuilds.c.environment_id,
        tuple_(other.c.created_at, other.c.id)
        > tuple_(rebuilds.c.created_at, rebuilds.c.id),
    )


def _to_row(rebuild: Rebuild) -> Values:
    return {
        "id": rebuild.id,
        "environment_id": rebuild.environment_id,
        "launcher_id": rebuild.launcher_id,
        "source_id": rebuild.source_id,
        "evidence": rebuild.evidence.value,
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


def _from_row(row: Row) -> Rebuild:
    return Rebuild(
        id=RebuildId(row["id"]),
        environment_id=EnvironmentId(row["environment_id"]),
        launcher_id=row["launcher_id"],
        source_id=row["source_id"],
        evidence=Evidence(row["evidence"]),
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
