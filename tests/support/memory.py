"""A bus in memory, and switches that break what works."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from service.errors import TransientError
from service.events.envelope import Event
from service.ports.bus import DeadLetter, Message, QueueDepth, Role, StreamPosition
from service.ports.store import Store, Transaction


class MemoryBus:
    """Keeps what was published; fails or falls silent when a test has it so.

    Nobody consumes from it: a test that wants messages, a stream or dead letters takes
    the bus of tables, and learns here that it must.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_broken = False
        self.is_silent = False
        self.attempts = 0
        """How often somebody published; each may wait for as long as the bus takes."""

    async def publish(self, events: Sequence[Event]) -> None:
        self.attempts += 1
        await self._trouble()
        self.events += events

    async def ping(self) -> None:
        await self._trouble()

    def messages(self, role: Role, *, prefetch: int) -> AsyncGenerator[Message, None]:
        raise NotImplementedError(role, prefetch)

    def tail(self, after: str | None = None) -> AsyncIterator[Event | StreamPosition]:
        raise NotImplementedError(after)

    async def depths(self) -> Sequence[QueueDepth]:
        await self._trouble()
        return []

    async def dead_letters(self, role: str | None = None) -> Sequence[DeadLetter]:
        raise NotImplementedError(role)

    async def requeue(self, letter: str) -> None:
        raise NotImplementedError(letter)

    async def drop(self, letter: str) -> None:
        raise NotImplementedError(letter)

    async def _trouble(self) -> None:
        if self.is_silent:
            await asyncio.Event().wait()
        if self.is_broken:
            raise TransientError("the bus at secret-host is broken")


class BreakableStore:
    """A real store whose transactions fail when told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_read_broken = False
        self.is_write_broken = False
        self.answers = asyncio.Event()
        """Cleared: what is written gets no answer, and who is cancelled waits on."""
        self.answers.set()
        self.under_way = 0
        """How many transactions wait for the real store, which takes its time."""
        self.reads = 0

    @asynccontextmanager
    async def transaction(self, *locks: str) -> AsyncIterator[Transaction]:
        if self.is_write_broken:
            raise TransientError("the database is broken")
        await self._answer()
        self.under_way += 1
        try:
            async with self._store.transaction(*locks) as tx:
                yield tx
        finally:
            self.under_way -= 1

    @asynccontextmanager
    async def reading(self, *, is_single: bool = False) -> AsyncIterator[Transaction]:
        self.reads += 1
        if self.is_read_broken:
            raise TransientError("the database is broken")
        async with self._store.reading(is_single=is_single) as tx:
            yield tx

    async def _answer(self) -> None:
        """Wait for an answer as on a connection that is dead: to its end."""
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            await self.answers.wait()
            raise

    async def ping(self) -> None:
        if self.is_read_broken:
            raise TransientError("the database is broken")
        await self._store.ping()


class SlowStore:
    """A real store whose readings end when they are let go."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.transaction = store.transaction
        self.readings = 0
        self.may_end = asyncio.Event()

    @asynccontextmanager
    async def reading(self, *, is_single: bool = False) -> AsyncIterator[Transaction]:
        self.readings += 1
        async with self._store.reading(is_single=is_single) as tx:
            yield tx
            await self.may_end.wait()

    async def ping(self) -> None:
        await self._store.ping()


class DefectiveStore:
    """A real store that has a defect for some calls."""

    def __init__(self, store: Store, faults: int) -> None:
        self._store = store
        self._faults = faults

    def reading(
        self, *, is_single: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        return self._store.reading(is_single=is_single)

    def transaction(self, *locks: str) -> AbstractAsyncContextManager[Transaction]:
        if self._faults:
            self._faults -= 1
            raise RuntimeError("a fault of the store")
        return self._store.transaction(*locks)

    async def ping(self) -> None:
        await self._store.ping()
