"""The SQL of the embedded bus: one row per event, and one per event and role.

A row of the queue is waiting, claimed (`claimed_by`, until its lease expires) or dead
(`died_at`). An acknowledged row is deleted; its event stays for a while, so that a
repeated publication is recognised.
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

from service.adapters.store.statements import insert_into
from service.adapters.store.tables.bus import bus_events, bus_queue
from service.errors import NotFoundError
from service.events.envelope import Event
from service.ports.bus import DeadLetter, Role

__all__ = ["Claimed", "Lease", "Queue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A claimed row of the queue."""

    place: int
    attempt: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who claims, and until when."""

    owner: str
    until: datetime


_SHOWN: Final = 1000
"""Dead letters that are listed; whoever has more has another problem."""
_DIGITS: Final = 18
"""A number of more digits may not fit the column."""

_IS_LIVE: Final = bus_queue.c.died_at.is_(None)
_IS_DEAD: Final = bus_queue.c.died_at.is_not(None)
_FREE: Final = {"claimed_by": None, "claimed_until": None}
_TRIED: Final = {**_FREE, "attempts": bus_queue.c.attempts + 1}
"""Only a retry or a dead letter counts as an attempt; the end of a process does not."""

_FREE_AT: Final = case(
    (
        bus_queue.c.claimed_until > bus_queue.c.available_at,
        bus_queue.c.claimed_until,
    ),
    else_=bus_queue.c.available_at,
)
"""When a row can be claimed: after its delay, and after the lease of its claim."""


class Queue:
    """The statements of the embedded bus, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def store(self, event: Event, roles: Sequence[Role], now: datetime) -> None:
        """Store an event and queue it for its roles; ignore a known one."""
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
        # None for an id that is known: the outbox publishes again what it could not
        # remove, and roles must not get it twice.
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
        """Delete old events that every role has handled."""
        # An old one may be kept for a slow role while its neighbours go: what is older
        # than the limit has gaps, and no follower starts there (`EventTail`).
        is_queued = exists().where(bus_queue.c.event == bus_events.c.place)
        await self._connection.execute(
            delete(bus_events).where(bus_events.c.published_at < before, ~is_queued)
        )

    async def claim(
        self, roles: Sequence[str], lease: Lease, *, now: datetime, limit: int
    ) -> Sequence[Claimed]:
        """Claim the oldest free rows of these names."""
        # SKIP LOCKED: concurrent consumers get different rows instead of waiting.
        found = await self._connection.execute(
            select(bus_queue.c.place, bus_queue.c.attempts, bus_events.c.body)
            .join(bus_events)
            .where(bus_queue.c.role.in_(roles), _IS_LIVE, _is_free(now))
            .order_by(bus_queue.c.place)
            .limit(limit)
            # Only the queue's rows: a lock on the event as well would make two roles
            # skip each other's messages of one event.
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
            places = [message.place for message in claimed]
            await self._connection.execute(
                update(bus_queue)
                .where(bus_queue.c.place.in_(places))
                .values(claimed_by=lease.owner, claimed_until=lease.until)
            )
        return claimed

    async def renew(self, lease: Lease, places: Sequence[int]) -> None:
        """Extend the lease of rows that are still the owner's."""
        await self._connection.execute(
            update(bus_queue)
            .where(bus_queue.c.place.in_(places), bus_queue.c.claimed_by == lease.owner)
            .values(claimed_until=lease.until)
        )

    async def free_at(self, roles: Sequence[str]) -> datetime | None:
        """Return when the next row of these names can be claimed; None without rows."""
        found = await self._connection.execute(
            select(func.min(_FREE_AT, type_=bus_queue.c.available_at.type)).where(
                bus_queue.c.role.in_(roles), _IS_LIVE
            )
        )
        when: datetime | None = found.scalar_one()
        return when

    async def finish(self, place: int) -> None:
        """Delete a handled row, whoever has it now."""
        # Also when the lease expired meanwhile: it was handled, and a second handler
        # would only repeat that.
        await self._connection.execute(
            delete(bus_queue).where(bus_queue.c.place == place)
        )

    async def delay(self, place: int, *, owner: str, until: datetime, why: str) -> None:
        """Release a row until later, if it is still the owner's."""
        await self._connection.execute(
            _owned(place, owner).values(available_at=until, error=why, **_TRIED)
        )

    async def dead_letter(
        self, place: int, *, owner: str, now: datetime, why: str
    ) -> None:
        """Make a row a dead letter, if it is still the owner's."""
        await self._connection.execute(
            _owned(place, owner).values(died_at=now, error=why, **_TRIED)
        )

    async def release(self, owner: str) -> None:
        """Release all rows of an owner."""
        await self._connection.execute(
            update(bus_queue).where(bus_queue.c.claimed_by == owner).values(**_FREE)
        )

    async def dead_letters(self, roles: Sequence[str]) -> Sequence[DeadLetter]:
        """Return the dead letters of these names, oldest first."""
        query = select(bus_queue, bus_events.c.body).join(bus_events).where(_IS_DEAD)
        query = query.where(bus_queue.c.role.in_(roles))
        found = await self._connection.execute(
            query.order_by(bus_queue.c.died_at, bus_queue.c.place).limit(_SHOWN)
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
        """Turn a dead letter into a waiting row without attempts.

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
        """Delete a dead letter.

        Raises:
            NotFoundError: There is no such dead letter.
        """
        done = await self._connection.execute(
            delete(bus_queue).where(_is_letter(letter))
        )
        _expect(done.rowcount, letter)

    async def newest(self) -> tuple[int, str]:
        """Return position and id of the newest event; 0 and "" without events."""
        found = await self._connection.execute(
            select(bus_events.c.place, bus_events.c.id)
            .order_by(bus_events.c.place.desc())
            .limit(1)
        )
        row = found.mappings().one_or_none()
        return (row["place"], row["id"]) if row else (0, "")

    async def place_of(self, id_: str | None, *, since: datetime) -> int | None:
        """Return the position of an event published since; None without one."""
        found = await self._connection.execute(
            select(bus_events.c.place).where(
                bus_events.c.id == id_, bus_events.c.published_at >= since
            )
        )
        place: int | None = found.scalar_one_or_none()
        return place

    async def after(self, place: int, *, limit: int) -> Sequence[tuple[int, Event]]:
        """Return the events after a position, oldest first."""
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
    # A consumer whose lease expired must not touch what another one handles by now.
    return update(bus_queue).where(
        bus_queue.c.place == place, bus_queue.c.claimed_by == owner
    )


def _is_letter(letter: str) -> ColumnElement[bool]:
    # Ids come from URLs. `isdigit` alone accepts digits of other scripts, and a number
    # beyond 64 bits is an error of the driver.
    is_number = letter.isascii() and letter.isdigit() and len(letter) <= _DIGITS
    return and_(bus_queue.c.place == (int(letter) if is_number else 0), _IS_DEAD)


def _expect(count: int, letter: str) -> None:
    if count == 0:
        raise NotFoundError(f"there is no dead letter {letter[:80]!r}")
