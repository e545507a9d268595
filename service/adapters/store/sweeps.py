"""Sweeps: when each source is asked for its head."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    CompoundSelect,
    Select,
    exists,
    func,
    select,
    tuple_,
    union,
)

from service.adapters.store.sources import is_followed, source_from
from service.adapters.store.statements import Columns, Row, Statements, Values
from service.adapters.store.tables import asks, evaluations, sources, sweeps
from service.domain.evaluation import Verdict
from service.domain.source import SourceId
from service.domain.sweeping import Beat, Turn

__all__ = ["SqlSweeps"]

PER_QUERY: Final = 500
"""Repositories that one query names."""
_MILLISECOND: Final = timedelta(milliseconds=1)


class SqlSweeps:
    """Implements the port `Sweeps`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def turns(self, *, now: datetime, per_host: int) -> Sequence[Turn]:
        places = [
            (row["host"], row["label"])
            for row in await self._run.rows(_due(now, per_host))
        ]
        found: list[Turn] = []
        while places:
            rows = await self._run.rows(_of(places[:PER_QUERY]))
            found += [_turn(row) for row in rows]
            places = places[PER_QUERY:]
        return found

    async def save(self, beats: Iterable[Beat]) -> None:
        rows = [_to_row(beat) for beat in beats]
        await self._run.put_all(sweeps, rows, changes=_changes)


def _changes(new: Columns) -> Values:
    """Return what a known beat becomes."""
    return {name: new[name] for name in ("interval_ms", "due_at", "generation")}


def _due(now: datetime, per_host: int) -> CompoundSelect[*tuple[object, ...]]:
    """Find the repositories whose turn it is, no more than a few of each host.

    And those with sources that never had one.
    """
    place = (sources.c.host, sources.c.label)
    due_at = func.min(sweeps.c.due_at)
    rank = func.row_number().over(partition_by=sources.c.host, order_by=due_at)
    due = (
        select(*place, rank.label("rank"))
        .select_from(sweeps.join(sources, sources.c.id == sweeps.c.source_id))
        .where(sweeps.c.due_at <= now, is_followed())
        .group_by(*place)
        .subquery()
    )
    has_beat = exists().where(sweeps.c.source_id == sources.c.id)
    return union(
        select(due.c.host, due.c.label).where(due.c.rank <= per_host),
        select(*place).where(~has_beat, is_followed()),
    )


def _of(places: Sequence[tuple[str, str]]) -> Select[*tuple[object, ...]]:
    """Find every followed source of some repositories, and how it fares."""
    last_verdict = (
        select(evaluations.c.verdict)
        .where(evaluations.c.source_id == sources.c.id)
        .order_by(evaluations.c.completed_at.desc(), evaluations.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            sources,
            sweeps.c.interval_ms,
            sweeps.c.due_at,
            # A source has a generation, too.
            sweeps.c.generation.label("swept_generation"),
            last_verdict.label("last_verdict"),
            exists().where(asks.c.source_id == sources.c.id).label("is_asked_for"),
        )
        .select_from(sources.outerjoin(sweeps, sweeps.c.source_id == sources.c.id))
        .where(is_followed(), tuple_(sources.c.host, sources.c.label).in_(places))
        .order_by(sweeps.c.due_at, sources.c.id)
    )


def _turn(row: Row) -> Turn:
    return Turn(
        source=source_from(row),
        beat=_beat(row),
        is_unknown=row["last_verdict"] == Verdict.UNKNOWN.value,
        is_asked_for=row["is_asked_for"],
    )


def _beat(row: Row) -> Beat | None:
    if row["due_at"] is None:
        return None
    return Beat(
        source_id=SourceId(row["id"]),
        interval=row["interval_ms"] * _MILLISECOND,
        due_at=row["due_at"],
        generation=row["swept_generation"],
    )


def _to_row(beat: Beat) -> Values:
    return {
        "source_id": beat.source_id,
        "interval_ms": beat.interval // _MILLISECOND,
        "due_at": beat.due_at,
        "generation": beat.generation,
    }
