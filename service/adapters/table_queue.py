"""The embedded bus in statements: one row per event, one per event and role.

A row of the queue is waiting, claimed (`claimed_by`, until a lease runs out) or dead
(`died_at`). An acknowledged row is gone; its event stays for a while, so that the same
event published again is recognised.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Update,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.bus_tables import bus_events, bus_queue
from service.adapters.store.statements import insert_into
from service.errors import NotFoundError
from service.ports.bus import DeadLetter, Role
from service.wire import Event

__all__ = ["Claimed", "Lease", "Queue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row of the queue that is somebody's for now."""

    place: int
    attempt: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who claims, and until when."""

    owner: str
    until: datetime


_DIGITS: Final = 18
"""A number of more digits may not fit the column."""

_IS_LIVE: Final = bus_queue.c.died_at.is_(None)
_IS_DEAD: Final = bus_queue.c.died_at.is_not(None)
_FREE: Final = {"claimed_by": None, "claimed_until": None}
_TRIED: Final = {**_FREE, "attempts": bus_queue.c.attempts + 1}
"""A process that ends, however often, uses up no attempt; only its verdicts do."""

_FREE_AT: Final = case(
    (
        bus_queue.c.claimed_until > bus_queue.c.available_at,
        bus_queue.c.claimed_until,
    ),
    else_=bus_queue.c.available_at,
)
"""When a row can be claimed: its delay is over, and the lease of whoever died too."""


class Queue:
    """The statements of the embedded bus, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def carry(self, event: Event, roles: Sequence[Role], now: datetime) -> None:
        """Keep an event and queue it for every role that wants it; a known one not."""
        done = await self._connection.execute(
            insert_into(self._connection, bus_events)
            .values(
                id=event.id,
                name=event.name,
                body=event.to_bytes().decode(),
                published_at=now,
            )
            .on_conflict_do_nothing(index_elements=[bus_events.c.id])
            .returning(bus_events.c.place)
        )
        place = done.scalar_one_or_none()
        rows = [
            {
                "role": role.name,
                "event": place,
                "attempts": 0,
                "available_at": now,
                "error": "",
            }
            for role in roles
            if event.name in role.events
        ]
        if place is not None and rows:
            await self._connection.execute(bus_queue.insert(), rows)

    async def trim(self, *, before: datetime) -> None:
        """Forget old events that every role has handled."""
        is_queued = exists().where(bus_queue.c.event == bus_events.c.place)
        await self._connection.execute(
            delete(bus_events).where(bus_events.c.published_at < before, ~is_queued)
        )

    async def claim(
        self, role: str, lease: Lease, *, now: datetime, limit: int
    ) -> Sequence[Claimed]:
        """Take the oldest rows that nobody holds."""
        found = await self._connection.execute(
            select(bus_queue.c.place, bus_queue.c.attempts, bus_events.c.body)
            .join(bus_events)
            .where(bus_queue.c.role == role, _IS_LIVE, _is_free(now))
            .order_by(bus_queue.c.place)
            .limit(limit)
            .with_for_update(of=bus_queue, skip_locked=True, key_share=True)
        )
        claimed = [
            Claimed(
                place=row["place"],
                attempt=row["attempts"] + 1,
                body=row["body"].encode(),
            )
            for row in found.mappings()
        ]
        if claimed:
            places = [it.place for it in claimed]
            await self._connection.execute(
                update(bus_queue)
                .where(bus_queue.c.place.in_(places))
                .values(claimed_by=lease.owner, claimed_until=lease.until)
            )
        return claimed

    async def free_at(self, role: str) -> datetime | None:
        """Return when the next row of a role can be claimed; None without rows."""
        found = await self._connection.execute(
            select(func.min(_FREE_AT, type_=bus_queue.c.available_at.type)).where(
                bus_queue.c.role == role, _IS_LIVE
            )
        )
        when: datetime | None = found.scalar_one()
        return when

    async def finish(self, place: int) -> None:
        """Forget a handled row, whoever holds it now."""
        await self._connection.execute(
            delete(bus_queue).where(bus_queue.c.place == place)
        )

    async def delay(self, place: int, *, owner: str, until: datetime, why: str) -> None:
        """Give a row back for later, if it is still the owner's."""
        await self._connection.execute(
            _owned(place, owner).values(available_at=until, error=why, **_TRIED)
        )

    async def bury(self, place: int, *, owner: str, now: datetime, why: str) -> None:
        """Make a row a dead letter, if it is still the owner's."""
        await self._connection.execute(
            _owned(place, owner).values(died_at=now, error=why, **_TRIED)
        )

    async def release(self, owner: str) -> None:
        """Give back every row of an owner."""
        await self._connection.execute(
            update(bus_queue).where(bus_queue.c.claimed_by == owner).values(**_FREE)
        )

    async def dead(self, role: str | None) -> Sequence[DeadLetter]:
        """Return the dead letters, oldest first."""
        query = select(bus_queue, bus_events.c.body).join(bus_events).where(_IS_DEAD)
        if role is not None:
            query = query.where(bus_queue.c.role == role)
        found = await self._connection.execute(
            query.order_by(bus_queue.c.died_at, bus_queue.c.place)
        )
        return [
            DeadLetter(
                id=str(row["place"]),
                role=row["role"],
                event=row["body"].encode(),
                attempts=row["attempts"],
                error=row["error"],
                died_at=row["died_at"],
            )
            for row in found.mappings()
        ]

    async def requeue(self, letter: str, *, now: datetime) -> None:
        """Make a dead letter a waiting row that was never tried.

        Raises:
            NotFoundError: There is no such dead letter.
        """
        done = await self._connection.execute(
            update(bus_queue)
            .where(_is_letter(letter))
            .values(attempts=0, available_at=now, error="", died_at=None)
        )
        _expect(done.rowcount, letter)

    async def drop(self, letter: str) -> None:
        """Forget a dead letter.

        Raises:
            NotFoundError: There is no such dead letter.
        """
        done = await self._connection.execute(
            delete(bus_queue).where(_is_letter(letter))
        )
        _expect(done.rowcount, letter)

    async def newest(self) -> tuple[int, str]:
        """Return place and id of the newest event; 0 and nothing without events."""
        found = await self._connection.execute(
            select(bus_events.c.place, bus_events.c.id)
            .order_by(bus_events.c.place.desc())
            .limit(1)
        )
        row = found.mappings().one_or_none()
        return (row["place"], row["id"]) if row else (0, "")

    async def place_of(self, id_: str | None, *, since: datetime) -> int | None:
        """Return the place of an event that was published since; None without one."""
        found = await self._connection.execute(
            select(bus_events.c.place).where(
                bus_events.c.id == id_, bus_events.c.published_at >= since
            )
        )
        place: int | None = found.scalar_one_or_none()
        return place

    async def after(self, place: int, *, limit: int) -> Sequence[tuple[int, Event]]:
        """Return the events after a place, oldest first."""
        found = await self._connection.execute(
            select(bus_events.c.place, bus_events.c.body)
            .where(bus_events.c.place > place)
            .order_by(bus_events.c.place)
            .limit(limit)
        )
        return [
            (row["place"], Event.from_bytes(row["body"])) for row in found.mappings()
        ]


def _is_free(now: datetime) -> ColumnElement[bool]:
    held_until = bus_queue.c.claimed_until
    return and_(
        bus_queue.c.available_at <= now, or_(held_until.is_(None), held_until <= now)
    )


def _owned(place: int, owner: str) -> Update:
    return update(bus_queue).where(
        bus_queue.c.place == place, bus_queue.c.claimed_by == owner
    )


def _is_letter(letter: str) -> ColumnElement[bool]:
    is_number = letter.isascii() and letter.isdigit() and len(letter) <= _DIGITS
    return and_(bus_queue.c.place == (int(letter) if is_number else 0), _IS_DEAD)


def _expect(count: int, letter: str) -> None:
    if count == 0:
        raise NotFoundError(f"there is no dead letter {letter[:80]!r}")
