"""The agenda: asks, and one appointment for every source that has open ones.

An appointment's row stays when it was kept (without `due_at`), because it knows when
the source was last looked at. Whoever changes a source's asks holds that row.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, func, or_, select

from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables import appointments, asks
from service.domain.agenda import Appointment, Look, Pace, due
from service.domain.push import Evidence
from service.domain.source import SourceId

__all__ = ["SqlAgenda"]

_UNCLAIMED: Final = {"claimed_until": None}
_NO_APPOINTMENT: Final = {
    "first_asked_at": None,
    "due_at": None,
    "attempts": 0,
    "trouble": "",
}


class SqlAgenda:
    """Implements the port `Agenda`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def ask(self, look: Look, *, pace: Pace) -> None:
        row = await self._hold(look.source_id)
        pending = _from_row(row)
        when = due(look, pending=pending, looked_at=row["looked_at"], pace=pace)
        first = min(pending.first_asked_at if pending else look.asked_at, look.asked_at)
        await self._run.add_all(asks, [_ask_to_row(look)])
        await self._change(look.source_id, {"first_asked_at": first, "due_at": when})

    async def claim(self, *, now: datetime, lease: timedelta) -> Appointment | None:
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
        return await self._run.change(
            appointments,
            {"claimed_until": held_until + lease},
            appointments.c.source_id == source,
            appointments.c.claimed_until == held_until,
        )

    async def next_due(self) -> datetime | None:
        held_until = appointments.c.claimed_until
        free_at = case(
            (held_until > appointments.c.due_at, held_until),
            else_=appointments.c.due_at,
        )
        rows = await self._run.rows(
            select(func.min(free_at, type_=appointments.c.due_at.type).label("next"))
        )
        found: datetime | None = rows[0]["next"]
        return found

    async def asks(self, source: SourceId) -> Sequence[tuple[int, Look]]:
        query = select(asks).where(asks.c.source_id == source).order_by(asks.c.place)
        rows = await self._run.rows(query)
        return [(row["place"], _ask_from_row(row)) for row in rows]

    async def settle(
        self, source: SourceId, *, places: Iterable[int], now: datetime, pace: Pace
    ) -> None:
        await self._hold(source)
        await self._run.remove_each(asks.c.place, places)
        left = await self.asks(source)
        appointment: Values = _NO_APPOINTMENT
        if left:
            first = left[0][1].asked_at
            due_at = now + pace.quiet
            appointment = {**appointment, "first_asked_at": first, "due_at": due_at}
        await self._change(source, {**appointment, **_UNCLAIMED, "looked_at": now})

    async def pending(self, sources: Iterable[SourceId]) -> Sequence[Appointment]:
        query = select(appointments).where(
            appointments.c.source_id.in_(tuple(sources)),
            appointments.c.due_at.is_not(None),
        )
        found = [_from_row(row) for row in await self._run.rows(query)]
        return [it for it in found if it is not None]

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
            rows = await self._run.held(query)
        return rows[0]

    async def _change(self, source: SourceId, values: Values) -> None:
        await self._run.change(appointments, values, appointments.c.source_id == source)


def _from_row(row: Row) -> Appointment | None:
    if row["due_at"] is None:
        return None
    return Appointment(
        source_id=SourceId(row["source_id"]),
        first_asked_at=row["first_asked_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        trouble=row["trouble"],
    )


def _ask_to_row(look: Look) -> Values:
    return {
        "source_id": look.source_id,
        "evidence": look.evidence.value,
        "delivery_id": look.delivery_id,
        "rebuild_ids": list(look.rebuild_ids),
        "traceparent": look.traceparent,
        "suggested_number": look.suggested_number,
        "asked_at": look.asked_at,
    }


def _ask_from_row(row: Row) -> Look:
    return Look(
        source_id=SourceId(row["source_id"]),
        evidence=Evidence(row["evidence"]),
        delivery_id=row["delivery_id"],
        rebuild_ids=tuple(row["rebuild_ids"]),
        traceparent=row["traceparent"],
        suggested_number=row["suggested_number"],
        asked_at=row["asked_at"],
    )
