"""The evaluation queue: asks, and one appointment for every source that has open ones.

An appointment's row stays when it was kept (without `due_at`), because it knows when
the source was last evaluated. Whoever changes a source's requests holds that row.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, case, or_, select

from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.evaluations import appointments, asks
from service.domain.delivery import DeliveryId
from service.domain.evaluation.queue import (
    Debounce,
    DueEvaluation,
    EvaluationRequest,
    due,
)
from service.domain.push import Trigger
from service.domain.source import SourceId

__all__ = ["SqlEvaluationQueue"]

_UNCLAIMED: Final = {"claimed_until": None}
_NO_APPOINTMENT: Final = {
    "first_asked_at": None,
    "due_at": None,
    "attempts": 0,
    "trouble": "",
}


# Made for each transaction. Requests and the row of their source are two tables: a
# storm of pushes appends requests, and the one row decides when and by whom they are
# answered.
class SqlEvaluationQueue:
    """Implement the port `EvaluationQueue`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def enqueue(
        self,
        request: EvaluationRequest,
        *,
        debounce: Debounce,
        also: Collection[DeliveryId] = (),
    ) -> None:
        # The row is locked first, so that a claim or a `settle` of the same source
        # cannot miss this ask.
        row = await self._hold(request.source_id)
        pending = _from_row(row)
        when = due(
            request, pending=pending, looked_at=row["looked_at"], debounce=debounce
        )
        first = min(
            pending.first_asked_at if pending else request.requested_at,
            request.requested_at,
        )
        every = [
            *(replace(request, delivery_id=delivery) for delivery in also),
            request,
        ]
        await self._run.add_all(asks, [_request_to_row(one) for one in every])
        await self._change(request.source_id, {"first_asked_at": first, "due_at": when})

    async def claim(self, *, now: datetime, lease: timedelta) -> DueEvaluation | None:
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
            .limit(1)
        )
        rows = await self._run.held(query, skip=True)
        if not rows:
            return None
        await self._change(rows[0]["source_id"], {"claimed_until": now + lease})
        return _from_row(rows[0])

    async def renew(
        self, source: SourceId, *, held_until: datetime, lease: timedelta
    ) -> bool:
        # Only while `claimed_until` is what we wrote: otherwise the lease expired and
        # another evaluator has the source.
        return await self._run.change(
            appointments,
            # `lease` counts from the former end: the caller passes what brings the end
            # to now plus its lease, as both ends have to be equal to the microsecond in
            # the next renewal.
            {"claimed_until": held_until + lease},
            appointments.c.source_id == source,
            appointments.c.claimed_until == held_until,
        )

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
        query = select(asks).where(asks.c.source_id == source).order_by(asks.c.place)
        rows = await self._run.rows(query)
        return [(row["place"], _ask_from_row(row)) for row in rows]

    async def settle(
        self, source: SourceId, *, ids: Iterable[int], now: datetime, debounce: Debounce
    ) -> None:
        # Only the asks that the evaluation saw are removed: those that arrived
        # meanwhile may be about a newer head, and make the next due evaluation.
        await self._hold(source)
        await self._run.remove_each(asks.c.place, ids)
        left = await self.requests(source)
        due_evaluation: Values = _NO_APPOINTMENT
        if left:
            first = left[0][1].requested_at
            # Counted from now: the requests that are left came during the evaluation,
            # and a source that is pushed to all the time must not be evaluated without
            # a pause.
            due_at = now + debounce.window
            due_evaluation = {
                **due_evaluation,
                "first_asked_at": first,
                "due_at": due_at,
            }
        await self._change(source, {**due_evaluation, **_UNCLAIMED, "looked_at": now})

    async def pending(self, sources: Iterable[SourceId]) -> Sequence[DueEvaluation]:
        query = select(appointments).where(
            appointments.c.source_id.in_(tuple(sources)),
            appointments.c.due_at.is_not(None),
        )
        found = [_from_row(row) for row in await self._run.rows(query)]
        return [
            due_evaluation for due_evaluation in found if due_evaluation is not None
        ]

    async def postpone(
        self, source: SourceId, *, until: datetime, trouble: str = ""
    ) -> None:
        await self._run.change(
            appointments,
            {
                "due_at": until,
                "attempts": appointments.c.attempts + 1,
                "trouble": trouble,
                **_UNCLAIMED,
            },
            appointments.c.source_id == source,
            # A source that was settled meanwhile is not due again; otherwise a late
            # postponement would bring back an evaluation that nobody asks for.
            appointments.c.due_at.is_not(None),
        )

    async def _hold(self, source: SourceId) -> Row:
        """Hold the source's row, made on its first ask, until the transaction ends."""
        query = select(appointments).where(appointments.c.source_id == source)
        rows = await self._run.held(query)
        if not rows:
            empty = {"source_id": source, "looked_at": None}
            await self._run.add(
                appointments, {**empty, **_NO_APPOINTMENT, **_UNCLAIMED}
            )
            # Two transactions may both find no row. The insert of one of them does
            # nothing after it has waited for the other, so the row is read once more.
            rows = await self._run.held(query)
        return rows[0]

    async def _change(self, source: SourceId, values: Values) -> None:
        await self._run.change(appointments, values, appointments.c.source_id == source)


def _from_row(row: Row) -> DueEvaluation | None:
    if row["due_at"] is None:
        return None
    return DueEvaluation(
        source_id=SourceId(row["source_id"]),
        first_asked_at=row["first_asked_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        trouble=row["trouble"],
    )


def _request_to_row(request: EvaluationRequest) -> Values:
    return {
        "source_id": request.source_id,
        "evidence": request.trigger.value,
        "delivery_id": request.delivery_id,
        "rebuild_ids": list(request.rebuild_ids),
        "traceparent": request.traceparent,
        "suggested_number": request.suggested_number,
        "asked_at": request.requested_at,
    }


def _ask_from_row(row: Row) -> EvaluationRequest:
    return EvaluationRequest(
        source_id=SourceId(row["source_id"]),
        trigger=Trigger(row["evidence"]),
        delivery_id=row["delivery_id"],
        rebuild_ids=tuple(row["rebuild_ids"]),
        traceparent=row["traceparent"],
        suggested_number=row["suggested_number"],
        requested_at=row["asked_at"],
    )
