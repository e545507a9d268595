"""The evaluation queue: asks, and one appointment for every source that has open ones.

An appointment's row stays when it was kept (without `due_at`), because it knows when
the source was last evaluated. Whoever changes a source's requests holds that row.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, bindparam, case, or_, select, update

from service.adapters.store.batches.evaluation_requests import (
    read_due,
    read_request,
    request_to_row,
)
from service.adapters.store.columns import Instant
from service.adapters.store.membership import among
from service.adapters.store.statements import Row, Statements
from service.adapters.store.tables.evaluations import appointments, asks
from service.domain.evaluation.queue import (
    Claim,
    Debounce,
    DueEvaluation,
    EvaluationRequest,
    add_request,
)
from service.domain.source import SourceId
from service.ports.store.queue import Renewal

__all__ = ["SqlEvaluationQueue"]

_UNCLAIMED: Final = {"claimed_until": None}
_NO_APPOINTMENT: Final = {
    "first_asked_at": None,
    "due_at": None,
    "attempts": 0,
    "trouble": "",
}
# Written once: SQLAlchemy takes longer for an UPDATE than the database does.
_SAVE_DUE: Final = (
    update(appointments)
    .where(appointments.c.source_id == bindparam("of_source"))
    .values(
        first_asked_at=bindparam("asked_at"),
        due_at=bindparam("at"),
        claimed_until=bindparam("until"),
    )
)
_FIRST_LEFT: Final = (
    select(asks.c.asked_at)
    .where(asks.c.source_id == appointments.c.source_id)
    .order_by(asks.c.place)
    .limit(1)
    .scalar_subquery()
)
_SETTLE: Final = (
    update(appointments)
    .where(appointments.c.source_id == bindparam("of_source"))
    .values(
        {
            **_UNCLAIMED,
            "attempts": 0,
            "trouble": "",
            "looked_at": bindparam("now"),
            "first_asked_at": _FIRST_LEFT,
            "due_at": case(
                (_FIRST_LEFT.is_not(None), bindparam("again", type_=Instant()))
            ),
        }
    )
)


# Made for each transaction. Requests and the row of their source are two tables: a
# storm of pushes appends requests, and the one row decides when and by whom they are
# answered.
class SqlEvaluationQueue:
    """Implement the port `EvaluationQueue`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def enqueue(self, request: EvaluationRequest, *, debounce: Debounce) -> None:
        await self.enqueue_all([request], debounce=debounce)

    async def enqueue_all(
        self,
        requests: Sequence[EvaluationRequest],
        *,
        debounce: Debounce,
        claim: Claim | None = None,
    ) -> Sequence[DueEvaluation]:
        if not requests:
            return ()
        # The rows are locked first, so that a claim or a `settle` of the same source
        # cannot miss these asks.
        rows = await self._hold({request.source_id for request in requests})
        asked: dict[SourceId, DueEvaluation] = {}
        for request in requests:
            source = request.source_id
            asked[source] = add_request(
                request,
                pending=asked.get(source) or read_due(rows[source]),
                looked_at=rows[source]["looked_at"],
                debounce=debounce,
            )
        await self._run.add_all(asks, [request_to_row(one) for one in requests])
        held_until = {source: rows[source]["claimed_until"] for source in asked}
        claimed = claim.choose(asked.values(), held_until) if claim else ()
        held_until.update((one.source_id, claim.until) for one in claimed if claim)
        await self._run.change_all(
            _SAVE_DUE,
            [
                {
                    "of_source": source,
                    "asked_at": one.first_asked_at,
                    "at": one.due_at,
                    "until": held_until[source],
                }
                for source, one in asked.items()
            ],
        )
        return claimed

    async def claim(
        self, *, now: datetime, lease: timedelta, limit: int
    ) -> Sequence[DueEvaluation]:
        # SKIP LOCKED: evaluators that claim at the same time get different sources
        # instead of waiting for each other. A claim expires with its lease, so the
        # source of an evaluator that died is claimed again.
        held_until = appointments.c.claimed_until
        query = (
            select(appointments)
            .where(
                appointments.c.due_at <= now,
                or_(held_until.is_(None), held_until <= now),
            )
            .order_by(appointments.c.due_at)
            .limit(limit)
        )
        rows = await self._run.held(query, skip=True)
        if rows:
            claimed = [row["source_id"] for row in rows]
            is_claimed = among(appointments.c.source_id, claimed)
            until = {"claimed_until": now + lease}
            await self._run.change(appointments, until, is_claimed)
        found = (read_due(row) for row in rows)
        return [due_evaluation for due_evaluation in found if due_evaluation]

    async def renew(
        self, sources: Collection[SourceId], *, held_until: datetime, until: datetime
    ) -> Renewal:
        of = appointments.c
        # Only while `claimed_until` is what we wrote: else another evaluator has it.
        ours = (among(of.source_id, sources), of.claimed_until == held_until)
        query = select(of.source_id).where(*ours).order_by(of.source_id)
        # In the order of everybody's locks, and beside those that are held: one that
        # is being written down must not keep all other claims from being renewed.
        renewed = {row["source_id"] for row in await self._run.held(query, skip=True)}
        if renewed:
            is_renewed = among(of.source_id, renewed)
            await self._run.change(appointments, {"claimed_until": until}, is_renewed)
        if len(renewed) == len(sources):
            return Renewal(renewed=renewed)
        busy = {row["source_id"] for row in await self._run.rows(query)} - renewed
        return Renewal(renewed=renewed, busy=busy)

    async def next_due(self) -> datetime | None:
        # The first that nobody claims, and the few that are claimed: each is found by
        # an index, whatever the queue's length.
        of = appointments.c
        due_at: ColumnElement[datetime | None] = of.due_at
        first = select(due_at.label("free_at")).where(
            of.due_at.is_not(None), of.claimed_until.is_(None)
        )
        # A claimed source is free when its lease ends, not when it is due. Without this
        # whoever waits would wake up at once, again and again, while another evaluates.
        claimed = select(
            case((of.claimed_until > of.due_at, of.claimed_until), else_=due_at)
            .cast(of.due_at.type)
            .label("free_at")
        ).where(of.due_at.is_not(None), of.claimed_until.is_not(None))
        unclaimed = await self._run.rows(first.order_by(of.due_at).limit(1))
        rows = [*unclaimed, *await self._run.rows(claimed)]
        return min((row["free_at"] for row in rows), default=None)

    async def requests(
        self, source: SourceId
    ) -> Sequence[tuple[int, EvaluationRequest]]:
        return (await self.requests_of([source])).get(source, ())

    async def requests_of(
        self, sources: Collection[SourceId]
    ) -> Mapping[SourceId, Sequence[tuple[int, EvaluationRequest]]]:
        query = (
            select(asks).where(among(asks.c.source_id, sources)).order_by(asks.c.place)
        )
        found = defaultdict[SourceId, list[tuple[int, EvaluationRequest]]](list)
        for row in await self._run.rows(query):
            request = read_request(row)
            found[request.source_id].append((row["place"], request))
        return found

    async def settle(
        self, source: SourceId, *, ids: Iterable[int], now: datetime, debounce: Debounce
    ) -> None:
        await self.settle_all({source: list(ids)}, now=now, debounce=debounce)

    async def settle_all(
        self,
        covered: Mapping[SourceId, Collection[int]],
        *,
        now: datetime,
        debounce: Debounce,
    ) -> None:
        # Only the asks that the evaluation saw are removed: those that arrived
        # meanwhile may be about a newer head, and make the next due evaluation.
        await self._hold(covered)
        await self._run.remove_each(
            asks.c.place, (place for ids in covered.values() for place in ids)
        )
        await self._run.change_all(
            _SETTLE,
            [
                # Again counted from now: the requests that are left came during the
                # evaluation, and a source that is pushed to all the time must not be
                # evaluated without a pause.
                {"of_source": source, "now": now, "again": now + debounce.window}
                for source in sorted(covered)
            ],
        )

    async def pending(self, sources: Iterable[SourceId]) -> Sequence[DueEvaluation]:
        query = select(appointments).where(
            among(appointments.c.source_id, sources),
            appointments.c.due_at.is_not(None),
        )
        found = (read_due(row) for row in await self._run.rows(query))
        return [due_evaluation for due_evaluation in found if due_evaluation]

    async def postpone(
        self, source: SourceId, *, until: datetime, trouble: str = ""
    ) -> None:
        failed = {"attempts": appointments.c.attempts + 1, "trouble": trouble}
        await self._put_off(source, {"due_at": until, **failed, **_UNCLAIMED})

    async def defer(self, source: SourceId, *, until: datetime) -> None:
        await self._put_off(source, {"due_at": until, **_UNCLAIMED})

    async def _put_off(self, source: SourceId, values: Mapping[str, object]) -> None:
        await self._run.change(
            appointments,
            values,
            appointments.c.source_id == source,
            # A source that was settled meanwhile is not due again; otherwise a late
            # postponement would bring back an evaluation that nobody asks for.
            appointments.c.due_at.is_not(None),
        )

    async def _hold(self, sources: Collection[SourceId]) -> Mapping[SourceId, Row]:
        """Hold sources' rows, made on their first ask, until the transaction ends."""
        rows = await self._held(sources)
        missing = [source for source in sorted(sources) if source not in rows]
        if not missing:
            return rows
        empty = {**_NO_APPOINTMENT, **_UNCLAIMED, "looked_at": None}
        new = [{"source_id": source, **empty} for source in missing]
        await self._run.add_new(appointments, new)
        # Two transactions may both find no row. The insert of one of them does nothing
        # after it has waited for the other, so the rows are read once more.
        return {**rows, **await self._held(missing)}

    async def _held(self, sources: Collection[SourceId]) -> Mapping[SourceId, Row]:
        # In one order everywhere, so that two transactions cannot deadlock.
        query = (
            select(appointments)
            .where(among(appointments.c.source_id, sources))
            .order_by(appointments.c.source_id)
        )
        return {row["source_id"]: row for row in await self._run.held(query)}
