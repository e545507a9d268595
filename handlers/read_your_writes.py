"""Read your writes: what this process has taken in is on record before anybody reads.

Records of deliveries are gathered for a second and written together
(`handlers.webhooks.delivery_log`), while the forge has its answer already. Whoever
reads the store through here has them written first; of other processes a record is
waited for by its id.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final

from handlers.webhooks.delivery_log import WRITTEN_WITHIN
from service.domain.delivery import DeliveryId
from service.errors import NotFoundError
from service.ports.store import Store, Transaction
from service.ports.time import Clock

__all__ = ["ReadYourWrites", "wait_for_record"]

_ID: Final = re.compile(r"d-[0-9a-f]{24}")
"""As `service.domain.delivery.delivery_id` makes them."""
_POLL: Final = timedelta(milliseconds=100)


class ReadYourWrites:
    """Any store; what waits to be written is written before it is read.

    Args:
        store: Does the work.
        flush: Writes what waits; does nothing when nothing does.
    """

    def __init__(self, store: Store, *, flush: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._flush = flush

    def transaction(self, *locks: str) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction that writes, as the store does."""
        return self._store.transaction(*locks)

    @asynccontextmanager
    async def reading(self, *, is_single: bool = False) -> AsyncIterator[Transaction]:
        """Begin one that reads, once everything that waits is written."""
        await self._flush()
        async with self._store.reading(is_single=is_single) as tx:
            yield tx

    async def ping(self) -> None:
        """Return when the database answers."""
        await self._store.ping()


async def wait_for_record(text: str, *, store: Store, clock: Clock) -> None:
    """Return once a delivery is on record, headers and all, or cannot be any more.

    A caller who names a delivery was given its id by a receiver, which may be another
    process than this one. Texts that are no id of a delivery are not waited for.
    """
    if not _ID.fullmatch(text):
        return
    until = clock.now() + WRITTEN_WITHIN
    while not await _is_settled(text, store, clock) and clock.now() < until:
        await clock.sleep(_POLL)


async def _is_settled(text: str, store: Store, clock: Clock) -> bool:
    async with store.reading() as tx:
        try:
            record = await tx.deliveries.get(DeliveryId(text))
        except NotFoundError:
            return False
    return bool(record.headers) or record.received_at + WRITTEN_WITHIN < clock.now()
