"""Is a push about anything that somebody follows?"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from handlers.together import Together
from service.domain.push import Push
from service.domain.repository import Repository
from service.domain.source import Source
from service.errors import TransientError
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Tracked"]

log = structlog.get_logger(__name__)

_FRESH: Final = timedelta(seconds=2)
"""Much shorter than `service.domain.agenda.UNAWARE`, which counts on it."""
_MOST: Final = 1000
_MOST_AT_ONCE: Final = 100
"""Repositories in one query."""

Key = tuple[str, int | None, str]


class Tracked:
    """Say whether some source is on a push.

    What was read is remembered for a moment, so a repository costs one indexed read
    in that time however often it is pushed to; those who ask while a read is under way
    share the next one. A remembered yes that is no longer true costs an event that
    nobody needs. A remembered no may miss a push right after somebody began to follow
    the repository: that is why every new source is looked at once more when all
    receivers must know of it (`service.domain.agenda.once_more`). And when the store
    does not answer the answer is yes: unknown is not untracked.
    """

    def __init__(self, *, store: Store, clock: Clock, budget: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[Key, tuple[datetime, Sequence[Source]]] = OrderedDict()
        self._reader = Together(self._read, budget=budget, most=_MOST_AT_ONCE)

    async def has(self, push: Push) -> bool:
        """Say whether some source may have been moved by the push."""
        remembered = self._remembered(push.repository)
        if remembered is not None:
            return _is_any_on(remembered, push)
        try:
            sources = await self._reader.ask(push.repository)
        except TransientError as exc:
            log.warning("sources not read; push taken for tracked", error=str(exc))
            return True
        return _is_any_on(sources, push)

    def _remembered(self, repository: Repository) -> Sequence[Source] | None:
        read_at, sources = self._known.get(_key(repository), (None, ()))
        if read_at is None or self._clock.now() - read_at >= _FRESH:
            return None
        return sources

    async def _read(
        self, wanted: Iterable[Repository]
    ) -> Mapping[Repository, Sequence[Source]]:
        read_at = self._clock.now()
        async with self._store.reading() as tx:
            sources = await tx.sources.of_repositories(wanted)
        found = {it: _own(it, sources) for it in wanted}
        for repository, own in found.items():
            self._remember(_key(repository), read_at, own)
        return found

    def _remember(self, key: Key, read_at: datetime, sources: Sequence[Source]) -> None:
        self._known[key] = (read_at, sources)
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def _key(repository: Repository) -> Key:
    return repository.host, repository.number, repository.label


def _own(repository: Repository, sources: Iterable[Source]) -> Sequence[Source]:
    return [it for it in sources if it.repository.is_same(repository)]


def _is_any_on(sources: Sequence[Source], push: Push) -> bool:
    return any(it.is_on(push) for it in sources)
