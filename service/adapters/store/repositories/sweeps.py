"""Sweeps: when each source is asked for its head."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, bindparam, exists, func, select, text, tuple_, update

from service.adapters.store.repositories.sources import source_from
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.configuration import sources
from service.adapters.store.tables.evaluations import (
    NEVER_SWEPT,
    asks,
    evaluations,
    sweeps,
)
from service.domain.evaluation.comparison import Verdict
from service.domain.evaluation.sweep import PollItem, PollState, SweepTimes
from service.domain.source import SourceId

__all__ = ["SqlSweeps"]

PER_QUERY: Final = 500
"""Repositories that one query names."""
NEW: Final = 2000
"""Sources that get a first turn at once; the next ones half a minute later."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_PLACES: Final = select(sources.c.host, sources.c.label).join(
    sweeps, sweeps.c.source_id == sources.c.id
)
_SAVED: Final = ("interval_ms", "due_at", "generation", "polled_at")
# A source that nobody follows any longer has no row, and gets none.
_SAVE: Final = (
    update(sweeps)
    .where(sweeps.c.source_id == bindparam("of_source"))
    .values({name: bindparam(name) for name in _SAVED})
)

Place = tuple[str, str]
"""Host and label of a repository."""


class SqlSweeps:
    """Implement the port `Sweeps`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def due(self, *, now: datetime, per_host: int) -> Sequence[PollItem]:
        places = [*await self._new()]
        for host in await self._hosts():
            places += await self._due(host, now, per_host)
        # Each of its sources gives the place of a repository, which is asked once for
        # all of them.
        places = list(dict.fromkeys(places))
        found: list[PollItem] = []
        while places:
            rows = await self._run.rows(_of(places[:PER_QUERY]))
            found += [_turn(row) for row in rows]
            places = places[PER_QUERY:]
        return found

    async def save(self, states: Iterable[PollState]) -> None:
        # In one order for everybody: two writers never wait for each other's rows.
        ordered = sorted(states, key=lambda state: state.source_id)
        await self._run.change_all(_SAVE, [_to_row(state) for state in ordered])

    async def times(self) -> SweepTimes:
        # One by one: of two aggregates in one statement, neither takes its index.
        last = await self._run.rows(select(func.max(sweeps.c.polled_at).label("at")))
        following = await self._run.rows(
            select(func.min(sweeps.c.due_at).label("at")).where(
                sweeps.c.interval_ms > 0
            )
        )
        return SweepTimes(last_at=last[0]["at"], next_at=following[0]["at"])

    async def _new(self) -> Sequence[Place]:
        """Find repositories with sources that never had a turn."""
        query = _PLACES.where(text(f"sweeps.{NEVER_SWEPT}")).limit(NEW)
        return _places(await self._run.rows(query))

    async def _hosts(self) -> Sequence[str]:
        """Return the hosts, from one to the next in the index: there are few."""
        query = select(sweeps.c.host).order_by(sweeps.c.host).limit(1)
        # DISTINCT would read the entry of every source to find a handful of hosts.
        found: list[str] = []
        rows = await self._run.rows(query)
        while rows:
            found.append(rows[0]["host"])
            rows = await self._run.rows(query.where(sweeps.c.host > found[-1]))
        return found

    async def _due(self, host: str, now: datetime, limit: int) -> Sequence[Place]:
        """Find the repositories of a host that wait longest for their turn."""
        query = (
            _PLACES.where(
                sweeps.c.host == host,
                sweeps.c.due_at <= now,
                sweeps.c.interval_ms > 0,
            )
            .order_by(sweeps.c.due_at, sweeps.c.source_id)
            .limit(limit)
        )
        return _places(await self._run.rows(query))


def _places(rows: Iterable[Row]) -> Sequence[Place]:
    return [(row["host"], row["label"]) for row in rows]


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
            sweeps.c.polled_at,
            # A source has a generation, too.
            sweeps.c.generation.label("swept_generation"),
            last_verdict.label("last_verdict"),
            exists().where(asks.c.source_id == sources.c.id).label("is_asked_for"),
        )
        .join(sweeps, sweeps.c.source_id == sources.c.id)
        .where(tuple_(sources.c.host, sources.c.label).in_(places))
        .order_by(sweeps.c.due_at, sources.c.id)
    )


def _turn(row: Row) -> PollItem:
    return PollItem(
        source=source_from(row),
        state=_state(row),
        is_unknown=row["last_verdict"] == Verdict.UNKNOWN.value,
        is_asked_for=row["is_asked_for"],
    )


def _state(row: Row) -> PollState | None:
    if row["interval_ms"] == 0:
        return None
    return PollState(
        source_id=SourceId(row["id"]),
        interval=row["interval_ms"] * _MILLISECOND,
        due_at=row["due_at"],
        generation=row["swept_generation"],
        polled_at=row["polled_at"],
    )


def _to_row(state: PollState) -> Values:
    return {
        "of_source": state.source_id,
        "interval_ms": state.interval // _MILLISECOND,
        "due_at": state.due_at,
        "generation": state.generation,
        "polled_at": state.polled_at,
    }
