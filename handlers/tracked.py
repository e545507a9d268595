"""Is a push about anything that somebody follows?"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.domain.push import Push
from service.domain.repository import Repository
from service.domain.source import Source
from service.errors import TransientError
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Tracked"]

log = structlog.get_logger(__name__)

_FRESH: Final = timedelta(seconds=2)
_MOST: Final = 1000

Key = tuple[str, int | None, str]


class Tracked:
    """Say whether some source is on a push.

    Only "yes" is remembered. A remembered yes that is no longer true costs an event
    that nobody needs; a remembered no would lose the push that follows a moment after
    a launcher was added. So a no is always one indexed read, of what is committed now.
    And when the store does not answer the answer is yes: unknown is not untracked.
    """

    def __init__(self, *, store: Store, clock: Clock, budget: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._budget = budget
        self._known: OrderedDict[Key, tuple[datetime, Sequence[Source]]] = OrderedDict()

    async def has(self, push: Push) -> bool:
        """Say whether some source may have been moved by the push."""
        if _is_any_on(self._remembered(push.repository), push):
            return True
        try:
            sources = await self._read(push.repository)
        except TransientError as exc:
            log.warning("sources not read; push taken for tracked", error=str(exc))
            return True
        return _is_any_on(sources, push)

    def _remembered(self, repository: Repository) -> Sequence[Source]:
        read_at, sources = self._known.get(_key(repository), (None, ()))
        if read_at is None or self._clock.now() - read_at >= _FRESH:
            return ()
        return sources

    async def _read(self, repository: Repository) -> Sequence[Source]:
        read_at = self._clock.now()
        try:
            async with (
                asyncio.timeout(self._budget.total_seconds()),
                self._store.reading() as tx,
            ):
                sources = await tx.sources.of_repository(repository)
        except TimeoutError as exc:
            raise TransientError("the database did not answer in time") from exc
        self._remember(_key(repository), read_at, sources)
        return sources

    def _remember(self, key: Key, read_at: datetime, sources: Sequence[Source]) -> None:
        if not sources:
            self._known.pop(key, None)
            return
        self._known[key] = (read_at, sources)
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def _key(repository: Repository) -> Key:
    return repository.host, repository.number, repository.label


def _is_any_on(sources: Sequence[Source], push: Push) -> bool:
    return any(it.is_on(push) for it in sources)
