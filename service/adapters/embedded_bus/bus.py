"""The embedded event bus: tables in the store's database, at-least-once delivery.

Consumers in the same process are notified at once; messages of other processes, and
those whose delay is over, are found by polling every second.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Sequence,
    Set as AbstractSet,
)
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog

from service.adapters.embedded_bus.commit_signal import (
    POLL,
    CommitSignal,
    wait_for_signal,
)
from service.adapters.embedded_bus.depths import count_messages
from service.adapters.embedded_bus.event_tail import RETENTION, EventTail
from service.adapters.embedded_bus.queue import Claimed, Lease, Queue
from service.adapters.store import Database
from service.errors import PermanentError, TransientError
from service.events.envelope import Event
from service.ports.bus import DeadLetter, Message, QueueDepth, Role, StreamPosition
from service.ports.time import Clock

__all__ = ["TableBus"]

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=12)
"""How long the messages of a killed process stay claimed, as leadership does. In
SQLite, claims also end when the database is opened again."""

RENEW: Final = timedelta(seconds=3)
"""A claim is renewed for as long as its handler runs; three renewals may fail before
it expires."""

TRIM_EVERY: Final = timedelta(minutes=10)

_PUBLISHING: Final = "bus"
"""The lock under which events are numbered. Without it, a transaction with a smaller
number could commit later, and a follower that has read past it would miss its event."""


class TableBus:
    """Implement the port `Bus` on the tables of a database.

    One per process. Published events, claims and dead letters survive a restart.

    Args:
        database: The database of the store, which has only one writer in SQLite.
        roles: The roles that a published event is queued for.
        clock: Gives the time at which messages are due.
    """

    def __init__(
        self, database: Database, *, roles: Sequence[Role], clock: Clock
    ) -> None:
        self._database = database
        self._roles = tuple(roles)
        self._clock = clock
        self._published = CommitSignal()
        self._changed = CommitSignal()
        self._trimmed_at: datetime | None = None
        self._tail = EventTail(database, clock=clock, published=self._published)

    async def publish(self, events: Sequence[Event]) -> None:
        now = self._clock.now()
        # All events of a call in one transaction and under one lock: followers read by
        # position, and a position must never become visible after a later one.
        async with self._database.writing(_PUBLISHING) as connection:
            queue = Queue(connection)
            for event in events:
                await queue.store(event, self._roles, now)
            if self._trimmed_at is None or now - self._trimmed_at >= TRIM_EVERY:
                await queue.trim(before=now - RETENTION)
                self._trimmed_at = now
        # After the commit, and twice, as followers and consumers wait for different
        # things: a retry wakes consumers only.
        self._published.notify()
        self._changed.notify()

    async def messages(
        self, role: Role, *, prefetch: int
    ) -> AsyncGenerator[Message, None]:
        if role.name not in {role.name for role in self._roles}:
            raise PermanentError(f"the role {role.name!r} was not declared to the bus")
        owner, unsettled = uuid4().hex, set[int]()
        # Not in a task group, which must not span the yields of a generator: the
        # consumer's exceptions would be raised in the wrong task.
        renewing = asyncio.create_task(  # noqa: TID251 - cancelled below
            self._renew(owner, unsettled)
        )
        try:
            while True:
                # Taken before the claim: a message that is published between claim and
                # wait sets this very event, and is not missed.
                signal = self._changed.next
                # With no room nothing is claimed: a claim that waits in memory would
                # only run out, and keep the message from others.
                room = prefetch - len(unsettled)
                claimed = await self._claim(role, owner, room) if room else POLL
                if isinstance(claimed, timedelta):
                    await wait_for_signal(signal, within=claimed)
                    continue
                unsettled.update(message.place for message in claimed)
                for message in claimed:
                    yield _TableMessage(
                        message, owner=owner, bus=self, unsettled=unsettled
                    )
        finally:
            renewing.cancel()
            await self.settle(lambda queue: queue.release(owner))

    def tail(self, after: str | None = None) -> AsyncIterator[Event | StreamPosition]:
        return self._tail.read(after)

    async def ping(self) -> None:
        await self._database.ping()

    async def dead_letters(self, role: str | None = None) -> Sequence[DeadLetter]:
        roles = [known for known in self._roles if role in (None, *_names(known))]
        present = {name: known.name for known in roles for name in _names(known)}
        async with self._database.reading() as connection:
            dead_letters = await Queue(connection).dead_letters(list(present))
        return [replace(letter, role=present[letter.role]) for letter in dead_letters]

    async def depths(self) -> Sequence[QueueDepth]:
        present = {name: known.name for known in self._roles for name in _names(known)}
        async with self._database.reading() as connection:
            counted = await count_messages(connection, list(present))
        return [
            QueueDepth(
                role=role.name,
                waiting=sum(counted.get((name, False), 0) for name in _names(role)),
                dead=sum(counted.get((name, True), 0) for name in _names(role)),
            )
            for role in self._roles
        ]

    async def requeue(self, letter: str) -> None:
        async with self._database.writing() as connection:
            await Queue(connection).requeue(letter, now=self._clock.now())
        self._changed.notify()

    async def drop(self, letter: str) -> None:
        async with self._database.writing() as connection:
            await Queue(connection).drop(letter)

    async def settle(self, operation: Callable[[Queue], Awaitable[None]]) -> None:
        """Settle messages; where the database fails, they come again by themselves."""
        try:
            async with self._database.writing() as connection:
                await operation(Queue(connection))
        except TransientError as exc:
            log.warning("message could not be settled and comes again", error=str(exc))
        self._changed.notify()

    def now(self) -> datetime:
        """Return the bus's time."""
        return self._clock.now()

    async def _claim(
        self, role: Role, owner: str, room: int
    ) -> Sequence[Claimed] | timedelta:
        """Claim the role's next messages, or return how long to wait for one."""
        now = self._clock.now()
        try:
            async with self._database.writing() as connection:
                queue = Queue(connection)
                lease = Lease(owner=owner, until=now + LEASE)
                claimed = await queue.claim(_names(role), lease, now=now, limit=room)
                if claimed:
                    return claimed
                free_at = await queue.free_at(_names(role))
        except TransientError as exc:
            log.warning(
                "consumer waits for the database", role=role.name, error=str(exc)
            )
            return POLL
        # A free row that could not be claimed is locked by another process, which is
        # claiming it: polling at once would only spin.
        return min(POLL, free_at - now) if free_at and free_at > now else POLL

    async def _renew(self, owner: str, unsettled: AbstractSet[int]) -> None:
        """Renew the claims of an owner until cancelled."""
        # Only of unsettled messages: one whose settlement failed has to be delivered
        # again, when its claim expires.
        while True:
            await self._clock.sleep(RENEW)
            if not unsettled:
                continue
            lease = Lease(owner=owner, until=self._clock.now() + LEASE)
            try:
                async with self._database.writing() as connection:
                    await Queue(connection).renew(lease, list(unsettled))
            except TransientError as exc:
                log.warning("claims of messages not renewed", error=str(exc))
            except Exception:
                # The next renewal may work, and until then the claims hold.
                log.exception("claims of messages not renewed")


# One for each claim. `retry` and `dead_letter` name the owner: a message whose claim
# ran out belongs to another consumer by now, which may be handling it.
class _TableMessage:
    """Implement the port `Message`."""

    def __init__(
        self, claimed: Claimed, *, owner: str, bus: TableBus, unsettled: set[int]
    ) -> None:
        self._claimed = claimed
        self._owner = owner
        self._bus = bus
        self._unsettled = unsettled

    @property
    def body(self) -> bytes:
        return self._claimed.body

    @property
    def attempt(self) -> int:
        return self._claimed.attempt

    async def ack(self) -> None:
        place = self._mark_settled()
        await self._bus.settle(lambda queue: queue.finish(place))

    async def retry(self, *, after: timedelta, error: str) -> None:
        place, until = self._mark_settled(), self._bus.now() + after
        await self._bus.settle(
            lambda queue: queue.delay(place, owner=self._owner, until=until, why=error)
        )

    async def dead_letter(self, *, error: str) -> None:
        place, now = self._mark_settled(), self._bus.now()
        await self._bus.settle(
            lambda queue: queue.dead_letter(
                place, owner=self._owner, now=now, why=error
            )
        )

    def _mark_settled(self) -> int:
        place = self._claimed.place
        if place not in self._unsettled:
            raise PermanentError("a message of the bus was settled twice")
        # At once, before the statement: the renewal must stop now, or a message whose
        # settlement failed would stay claimed and never come again.
        self._unsettled.remove(place)
        return place


def _names(role: Role) -> tuple[str, ...]:
    """Return the names that rows of a role have: its own, and its earlier ones."""
    return (role.name, *role.previous_names)
