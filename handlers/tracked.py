"""Is a push about anything that somebody follows?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from handlers.memory import Memory
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
        self._memory: Memory[Repository, Sequence[Source]] = Memory(
            self._read,
            clock=clock,
            fresh=_FRESH,
            budget=budget,
            most=_MOST,
            most_at_once=_MOST_AT_ONCE,
        )
        self._reader = Together(self._read, budget=budget, most=_MOST_AT_ONCE)

    async def has(self, push: Push) -> bool:
        """Say whether some source may have been moved by the push."""
        known = self._memory.known(push.repository, now=self._clock.now())
        if known is not None:
            return _is_any_on(known, push)
        try:
            sources = await self._reader.ask(push.repository)
        except TransientError as exc:
            log.warning("sources not read; push taken for tracked", error=str(exc))
            return True
        return _is_any_on(sources, push)

    async def run(self) -> None:
        """Read repositories that are pushed to all the time again, until cancelled."""
        await self._memory.run()

    async def _read(
        self, wanted: Collection[Repository]
    ) -> Mapping[Repository, Sequence[Source]]:
        read_at = self._clock.now()
        async with self._store.reading() as tx:
            sources = await tx.sources.of_repositories(wanted)
        found = {it: _own(it, sources) for it in wanted}
        for repository, own in found.items():
            self._memory.keep(repository, own, read_at=read_at)
        return found


def _own(repository: Repository, sources: Iterable[Source]) -> Sequence[Source]:
    return [it for it in sources if it.repository.is_same(repository)]


def _is_any_on(sources: Sequence[Source], push: Push) -> bool:
    return any(it.is_on(push) for it in sources)
