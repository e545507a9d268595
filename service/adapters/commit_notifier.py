"""A store that notifies a listener when events were committed."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from service.ports.store import Store, Transaction

__all__ = ["CommitNotifyingStore"]


class CommitNotifyingStore:
    """Any store; it notifies when its outbox has grown, so that nobody has to poll.

    Args:
        store: Does the work.
        notify: Called after every commit of events; must not block.
    """

    def __init__(self, store: Store, *, notify: Callable[[], None]) -> None:
        self._store = store
        self._notify = notify

    @asynccontextmanager
    async def transaction(self, *locks: str) -> AsyncIterator[Transaction]:
        async with self._store.transaction(*locks) as tx:
            yield tx
        # Outside of the block, so after the commit: a relay that reads before it would
        # find nothing and sleep.
        if tx.outbox.has_grown:
            self._notify()

    def reading(
        self, *, is_single: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        return self._store.reading(is_single=is_single)

    async def ping(self) -> None:
        await self._store.ping()
