"""Rebuilds, a page at a time."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Select, bindparam, func, select, text, update

from service.adapters.store.json_columns import failure_to
from service.adapters.store.membership import among
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.builds import UNFINISHED, rebuilds
from service.domain.building.build import (
    BuildId,
    BuildState,
    EnvironmentId,
    Rebuild,
    RebuildId,
)
from service.domain.evaluation.comparison import EvaluationId

__all__ = ["SqlRebuildBatches"]

_PROGRESS: Final = (
    "state",
    "build_id",
    "started_at",
    "completed_at",
    "failure",
    "image",
    "reason",
)
_SAVE: Final = (
    update(rebuilds)
    .where(rebuilds.c.id == bindparam("b_id"))
    .values(
        {
            column.name: bindparam(f"b_{column.name}")
            for column in rebuilds.columns
            if column.name != "id"
        }
    )
)
_SAVE_PROGRESS: Final = (
    update(rebuilds)
    .where(rebuilds.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in _PROGRESS})
)
"""Written once: SQLAlchemy takes longer for an UPDATE than the database does."""


class SqlRebuildBatches:
    """Implement the port `RebuildBatches`.

    Args:
        statements: The transaction.
        read: Reads a rebuild off its row.
        write: Makes its row.
    """

    def __init__(
        self,
        statements: Statements,
        *,
        read: Callable[[Row], Rebuild],
        write: Callable[[Rebuild], Values],
    ) -> None:
        self._run = statements
        self._read = read
        self._write = write

    async def some(self, ids: Iterable[RebuildId]) -> Sequence[Rebuild]:
        # In one order everywhere, so that two transactions cannot deadlock.
        query = select(rebuilds).where(among(rebuilds.c.id, ids))
        rows = await self._run.held(query.order_by(rebuilds.c.id))
        return [self._read(row) for row in rows]

    async def add_all(self, new: Iterable[Rebuild]) -> None:
        await self._run.add_new(rebuilds, [self._write(rebuild) for rebuild in new])

    async def save_all(self, changed: Iterable[Rebuild]) -> None:
        rows = [
            {f"b_{name}": value for name, value in self._write(rebuild).items()}
            for rebuild in changed
        ]
        await self._run.change_all(_SAVE, rows)

    async def save_progress(self, changed: Iterable[Rebuild]) -> None:
        await self._run.change_all(
            _SAVE_PROGRESS, [_progress(item) for item in changed]
        )

    async def of_environments(
        self, environments: Iterable[EnvironmentId], *, limit: int
    ) -> Mapping[EnvironmentId, Sequence[Rebuild]]:
        # One query for all of them. LIMIT would cut the whole list; the rank within an
        # environment cuts that of each.
        chosen = tuple(environments)
        if not chosen:
            return {}
        newest = (rebuilds.c.created_at.desc(), rebuilds.c.id.desc())
        ranked = (
            select(
                rebuilds,
                func.row_number()
                .over(partition_by=rebuilds.c.environment_id, order_by=newest)
                .label("rank"),
            )
            .where(among(rebuilds.c.environment_id, chosen))
            .subquery()
        )
        query = select(ranked).where(ranked.c.rank <= limit).order_by(ranked.c.rank)
        found = defaultdict[EnvironmentId, list[Rebuild]](list)
        for row in await self._run.rows(query):
            found[EnvironmentId(row["environment_id"])].append(self._read(row))
        return found

    async def unfinished_of(
        self, environments: Iterable[EnvironmentId]
    ) -> Sequence[Rebuild]:
        query = (
            select(rebuilds)
            .where(
                text(UNFINISHED),
                among(rebuilds.c.environment_id, environments),
            )
            .order_by(rebuilds.c.id)
        )
        return [self._read(row) for row in await self._run.held(query)]

    async def attached(
        self, build: BuildId, *, limit: int, after: RebuildId | None = None
    ) -> Sequence[Rebuild]:
        query = (
            select(rebuilds)
            .where(
                text(UNFINISHED),
                rebuilds.c.build_id == build,
                # After an id and not by OFFSET: rebuilds of the page before end
                # meanwhile and leave the list, and an offset would skip as many of the
                # next.
                rebuilds.c.id > (after or ""),
            )
            .order_by(rebuilds.c.id)
            .limit(limit)
        )
        return [self._read(row) for row in await self._run.rows(query)]

    async def samples_of_evaluation(
        self, evaluation: EvaluationId
    ) -> Sequence[Rebuild]:
        # Ten thousand launchers of one source have as many rebuilds of one evaluation.
        # Those of one state and build are alike to whoever asks: one is read of each.
        of = rebuilds.c
        samples = (
            select(func.min(of.id))
            .where(of.evaluation_id == evaluation)
            .group_by(of.state, of.build_id)
        )
        return await self._samples(select(rebuilds).where(of.id.in_(samples)))

    async def samples_of_build(
        self, build: BuildId, *, limit: int
    ) -> Sequence[Rebuild]:
        of = rebuilds.c
        newest = func.min(of.id).label("sample")
        samples = (
            select(newest)
            .where(of.build_id == build)
            .group_by(of.evaluation_id)
            .order_by(newest.desc())
            .limit(limit)
        )
        return await self._samples(select(rebuilds).where(of.id.in_(samples)))

    async def _samples(self, query: Select[*tuple[object, ...]]) -> Sequence[Rebuild]:
        rows = await self._run.rows(query.order_by(rebuilds.c.id))
        return [self._read(row) for row in rows]

    async def start(self, build: BuildId, *, at: datetime, limit: int) -> int:
        # The page is found by the state that this changes, so that the next call finds
        # the next page, and a call after a crash what the one before it left.
        waiting = (
            select(rebuilds.c.id)
            .where(
                rebuilds.c.build_id == build,
                rebuilds.c.state == BuildState.QUEUED.value,
            )
            .order_by(rebuilds.c.id)
            .limit(limit)
        )
        started = (
            update(rebuilds)
            .where(rebuilds.c.id.in_(waiting))
            .values(state=BuildState.RUNNING.value, started_at=at)
            .returning(rebuilds.c.id)
        )
        return len(await self._run.changed(started))

    async def put_back(self, build: BuildId) -> None:
        await self._run.change(
            rebuilds,
            {"state": BuildState.QUEUED.value},
            rebuilds.c.build_id == build,
            rebuilds.c.state == BuildState.RUNNING.value,
        )


def _progress(rebuild: Rebuild) -> Values:
    return {
        "b_id": rebuild.id,
        "b_state": rebuild.state.value,
        "b_build_id": rebuild.build_id,
        "b_started_at": rebuild.started_at,
        "b_completed_at": rebuild.completed_at,
        "b_failure": failure_to(rebuild.failure),
        "b_image": rebuild.image,
        "b_reason": rebuild.reason,
    }
