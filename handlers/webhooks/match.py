"""Is a push about anything that somebody follows?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Followers:
    """The sources of a repository, as pushes may name it."""

    own: Sequence[Source]
    by_path: Sequence[Source]
    """Those of whatever has its path, where it has a number too."""

    def is_any_on(self, push: Push) -> bool:
        return any(source.is_moved_by(push) for source in self.own)

    def by_path_alone(self, push: Push) -> Push | None:
        """Return the push without its number, if a source is on that."""
        if not any(source.is_moved_by(push) for source in self.by_path):
            return None
        known = push.repository
        return replace(
            push,
            repository=replace(known, number=None),
            suggestion=push.suggestion
            or Suggestion(path=known.path, number=known.number),
        )


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
        self._memory: RefreshingCache[Repository, _Followers] = RefreshingCache(
            self._read,
            clock=clock,
            fresh=_FRESH,
            budget=budget,
            most=_MOST,
            most_at_once=_MOST_AT_ONCE,
        )
        self._reader = BatchLoader(self._read, budget=budget, most=_MOST_AT_ONCE)

    async def find_tracked(self, push: Push) -> Push | None:
        """Return the push with the repository by which a source tracks it, if any does.

        By its number, which stays when it is renamed; or by its path, whatever number
        an evaluation has recorded for the source: that may be out of date.
        """
        # The key has path and number: a payload with another number of a known path is
        # another key, so it can neither read nor replace what is cached for the true
        # one.
        known = self._memory.known(push.repository, now=self._clock.now())
        if known is None:
            try:
                known = await self._reader.ask(push.repository)
            except TransientError as exc:
                # A false yes costs an event that the enqueuer drops; a false no would
                # lose the push, since nobody sends it again.
                log.warning("sources not read; push taken for tracked", error=str(exc))
                return push
        if known.is_any_on(push):
            return push
        return known.by_path_alone(push)

    async def run(self) -> None:
        """Read repositories that are pushed to all the time again, until cancelled."""
        await self._memory.run()

    async def _read(
        self, wanted: Collection[Repository]
    ) -> Mapping[Repository, _Followers]:
        read_at = self._clock.now()
        async with self._store.reading(is_single=True) as tx:
            sources = await tx.sources.of_repositories(wanted)
        found = {item: _followers(item, sources) for item in wanted}
        for repository, followers in found.items():
            self._memory.keep(repository, followers, read_at=read_at)
        return found


def _followers(repository: Repository, sources: Iterable[Source]) -> _Followers:
    own = [item for item in sources if item.repository.is_same(repository)]
    if repository.number is None:
        return _Followers(own=own, by_path=())
    # The read by its number was one by its path, too.
    path_alone = replace(repository, number=None)
    by_path = [item for item in sources if item.repository.is_same(path_alone)]
    return _Followers(own=own, by_path=by_path)
