"""A store that tells when events were committed."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from service.ports.store import Store, Transaction

__all__ = ["RingingStore"]


class RingingStore:
    """Any store; it rings when its outbox has grown, so that nobody has to poll.

    Args:
        store: Does the work.
        ring: Called after every commit of events; must not block.
    """

    def __init__(self, store: Store, *, ring: Callable[[], None]) -> None:
        self._store = store
        self._ring = ring

    @asynccontextmanager
    async def transaction(self, *locks: str) -> AsyncIterator[Transaction]:
        async with self._store.transaction(*locks) as tx:
            yield tx
        if tx.outbox.has_grown:
            self._ring()

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        return self._store.reading()

    async def ping(self) -> None:
        await self._store.ping()
