"""Is a push about anything that somebody follows?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from handlers.webhooks.batch_loader import BatchLoader
from handlers.webhooks.refreshing_cache import RefreshingCache
from service.domain.push import Push, Suggestion
from service.domain.repository import Repository
from service.domain.source import Source
from service.errors import TransientError
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["SourceMatcher"]

log = structlog.get_logger(__name__)

_FRESH: Final = timedelta(seconds=2)
"""Much shorter than `CACHE_STALENESS` of `service.domain.evaluation.queue`, which
counts on it."""
_MOST: Final = 1000
_MOST_AT_ONCE: Final = 100
"""Repositories in one query."""


# One per receiver. Its cache is what makes a push that nobody follows cheap: nearly all
# deliveries of an organisation's hook are such pushes, and each was a query before.
class SourceMatcher:
    """Return whether some source is on a push.

    What was read is remembered for a moment, so a repository costs one indexed read
    in that time however often it is pushed to; those who ask while a read is under way
    share the next one. A remembered yes that is no longer true costs an event that
    nobody needs. A remembered no may miss a push right after somebody began to follow
    the repository: that is why every new source is evaluated once more when all
    receivers must know of it (`service.domain.evaluation.queue.recheck_at`). And when
    the store does not answer the answer is yes: unknown is not untracked.
    """

    def __init__(self, *, store: Store, clock: Clock, budget: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._memory: RefreshingCache[Repository, Sequence[Source]] = RefreshingCache(
            self._read,
            clock=clock,
            fresh=_FRESH,
            budget=budget,
            most=_MOST,
            most_at_once=_MOST_AT_ONCE,
        )
        self._reader = BatchLoader(self._read, budget=budget, most=_MOST_AT_ONCE)

    async def has(self, push: Push) -> bool:
        """Return whether some source may have been moved by the push."""
        # The key has path and number: a payload with another number of a known path is
        # another key, so it can neither read nor replace what is cached for the true
        # one.
        known = self._memory.known(push.repository, now=self._clock.now())
        if known is not None:
            return _is_any_on(known, push)
        try:
            sources = await self._reader.ask(push.repository)
        except TransientError as exc:
            # A false yes costs an event that the enqueuer drops; a false no would lose
            # the push, since nobody sends it again.
            log.warning("sources not read; push taken for tracked", error=str(exc))
            return True
        return _is_any_on(sources, push)

    async def find_tracked(self, push: Push) -> Push | None:
        """Return the push with the repository by which a source tracks it, if any does.

        By its number, which stays when it is renamed; or by its path, whatever number
        an evaluation has recorded for the source: that may be out of date.
        """
        if await self.has(push):
            return push
        if push.repository.number is None:
            return None
        known = push.repository
        by_path = replace(
            push,
            repository=replace(known, number=None),
            suggestion=push.suggestion
            or Suggestion(path=known.path, number=known.number),
        )
        return by_path if await self.has(by_path) else None

    async def run(self) -> None:
        """Read repositories that are pushed to all the time again, until cancelled."""
        await self._memory.run()

    async def _read(
        self, wanted: Collection[Repository]
    ) -> Mapping[Repository, Sequence[Source]]:
        read_at = self._clock.now()
        async with self._store.reading() as tx:
            sources = await tx.sources.of_repositories(wanted)
        found = {item: _own(item, sources) for item in wanted}
        for repository, own in found.items():
            self._memory.keep(repository, own, read_at=read_at)
        return found


def _own(repository: Repository, sources: Iterable[Source]) -> Sequence[Source]:
    return [source for source in sources if source.repository.is_same(repository)]


def _is_any_on(sources: Sequence[Source], push: Push) -> bool:
    return any(source.is_on(push) for source in sources)
