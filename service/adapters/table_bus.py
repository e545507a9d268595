"""The embedded bus: tables in the store's database, at-least-once.

Consumers in the same process are woken at once; those of other processes, and messages
whose delay is over, are found by a slow look every second.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog

from service.adapters.store import Database
from service.adapters.table_queue import Claimed, Lease, Queue
from service.errors import PermanentError, TransientError
from service.ports.bus import DeadLetter, Message, Place, Role
from service.ports.time import Clock
from service.wire import Event

__all__ = ["TableBus"]

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(minutes=5)
"""How long a message may stay unsettled before its consumer counts as dead: no handler
takes nearly as long. In SQLite, claims also end when the database is opened again."""

POLL: Final = timedelta(seconds=1)
"""How late a message of another process, or after its delay, may be."""

RETENTION: Final = timedelta(days=1)
"""How long an event is recognised when it is published again."""

TRIM_EVERY: Final = timedelta(minutes=10)

_PUBLISHING: Final = "bus"
"""The lock that makes the order of places the order of commits, for followers."""

_PAGE: Final = 100


class TableBus:
    """Implements the port `Bus` on the tables of a database.

    Args:
        database: The store's too: one writer serves both.
        roles: Everybody an event is queued for when it is published.
        clock: Says when messages are due.
    """

    def __init__(
        self, database: Database, *, roles: Sequence[Role], clock: Clock
    ) -> None:
        self._database = database
        self._roles = tuple(roles)
        self._clock = clock
        self._published = _Bell()
        self._changed = _Bell()
        self._trimmed_at: datetime | None = None

    async def publish(self, events: Sequence[Event]) -> None:
        now = self._clock.now()
        async with self._database.writing(_PUBLISHING) as connection:
            queue = Queue(connection)
            for event in events:
                await queue.carry(event, self._roles, now)
            if self._trimmed_at is None or now - self._trimmed_at >= TRIM_EVERY:
                await queue.trim(before=now - RETENTION)
                self._trimmed_at = now
        self._published.ring()
        self._changed.ring()

    async def messages(
        self, role: Role, *, prefetch: int
    ) -> AsyncGenerator[Message, None]:
        if role.name not in {it.name for it in self._roles}:
            raise PermanentError(f"the role {role.name!r} was not declared to the bus")
        owner, unsettled = uuid4().hex, set[int]()
        try:
            while True:
                ring = self._changed.next
                room = prefetch - len(unsettled)
                claimed = await self._claim(role.name, owner, room) if room else POLL
                if isinstance(claimed, timedelta):
                    await _heard(ring, within=claimed)
                    continue
                unsettled.update(it.place for it in claimed)
                for it in claimed:
                    yield _TableMessage(it, owner=owner, bus=self, among=unsettled)
        finally:
            await self.settle(lambda queue: queue.release(owner))

    async def follow(self, after: str | None = None) -> AsyncIterator[Event | Place]:
        began = await self._begin(after)
        place = began.place
        yield Place(after=began.after, has_missed=began.has_missed)
        while True:
            ring = self._published.next
            page = await self._page(place)
            place = page.place
            for event in page.events:
                yield event
            if len(page.events) < _PAGE:
                await _heard(ring, within=POLL)

    async def ping(self) -> None:
        await self._database.ping()

    async def dead(self, role: str | None = None) -> Sequence[DeadLetter]:
        async with self._database.reading() as connection:
            return await Queue(connection).dead(role)

    async def requeue(self, letter: str) -> None:
        async with self._database.writing() as connection:
            await Queue(connection).requeue(letter, now=self._clock.now())
        self._changed.ring()

    async def drop(self, letter: str) -> None:
        async with self._database.writing() as connection:
            await Queue(connection).drop(letter)

    async def settle(self, how: Callable[[Queue], Awaitable[None]]) -> None:
        """Settle messages; where the database fails, they come again by themselves."""
        try:
            async with self._database.writing() as connection:
                await how(Queue(connection))
        except TransientError as exc:
            log.warning("message could not be settled and comes again", error=str(exc))
        self._changed.ring()

    def now(self) -> datetime:
        """Return the bus's time."""
        return self._clock.now()

    async def _claim(
        self, role: str, owner: str, room: int
    ) -> Sequence[Claimed] | timedelta:
        """Claim the role's next messages, or say how long to wait for one."""
        now = self._clock.now()
        try:
            async with self._database.writing() as connection:
                queue = Queue(connection)
                lease = Lease(owner=owner, until=now + LEASE)
                claimed = await queue.claim(role, lease, now=now, limit=room)
                if claimed:
                    return claimed
                free_at = await queue.free_at(role)
        except TransientError as exc:
            log.warning("consumer waits for the database", role=role, error=str(exc))
            return POLL
        # What is free and could not be claimed is just being claimed by others.
        return min(POLL, free_at - now) if free_at and free_at > now else POLL

    async def _begin(self, after: str | None) -> "_Beginning":
        """Find the place of an event that is still kept, or of the newest."""
        while True:
            try:
                async with self._database.reading() as connection:
                    queue = Queue(connection)
                    # Of older events some were trimmed and some wait for their roles.
                    kept_since = self._clock.now() - RETENTION
                    place = await queue.place_of(after, since=kept_since)
                    if place is not None:
                        return _Beginning(place=place, after=after or "")
                    place, newest = await queue.newest()
                    return _Beginning(
                        place=place, after=newest, has_missed=after is not None
                    )
            except TransientError as exc:
                log.warning("follower waits for the database", error=str(exc))
                await asyncio.sleep(POLL.total_seconds())

    async def _page(self, place: int) -> "_Page":
        """Read the events after a place."""
        try:
            async with self._database.reading() as connection:
                found = await Queue(connection).after(place, limit=_PAGE)
        except TransientError as exc:
            log.warning("follower waits for the database", error=str(exc))
            return _Page(place=place, events=())
        return _Page(
            place=found[-1][0] if found else place,
            events=tuple(event for _, event in found),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beginning:
    """Where a follower begins."""

    place: int
    after: str
    has_missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Some events, and where the next ones begin."""

    place: int
    events: tuple[Event, ...]


class _TableMessage:
    """Implements the port `Message`."""

    def __init__(
        self, claimed: Claimed, *, owner: str, bus: TableBus, among: set[int]
    ) -> None:
        self._claimed = claimed
        self._owner = owner
        self._bus = bus
        self._unsettled = among

    @property
    def body(self) -> bytes:
        return self._claimed.body

    @property
    def attempt(self) -> int:
        return self._claimed.attempt

    async def ack(self) -> None:
        place = self._settled()
        await self._bus.settle(lambda queue: queue.finish(place))

    async def retry(self, *, after: timedelta, error: str) -> None:
        place, until = self._settled(), self._bus.now() + after
        await self._bus.settle(
            lambda queue: queue.delay(place, owner=self._owner, until=until, why=error)
        )

    async def bury(self, *, error: str) -> None:
        place, now = self._settled(), self._bus.now()
        await self._bus.settle(
            lambda queue: queue.bury(place, owner=self._owner, now=now, why=error)
        )

    def _settled(self) -> int:
        place = self._claimed.place
        if place not in self._unsettled:
            raise PermanentError("a message of the bus was settled twice")
        self._unsettled.remove(place)
        return place


class _Bell:
    """Wakes everybody who took its `next` ring before it rang."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def ring(self) -> None:
        self.next.set()
        self.next = asyncio.Event()


async def _heard(ring: asyncio.Event, *, within: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            await ring.wait()
