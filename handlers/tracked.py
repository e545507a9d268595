"""Is a push about anything that somebody follows?"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
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
"""Much shorter than `service.domain.agenda.UNAWARE`, which counts on it."""
_MOST: Final = 1000
_MOST_AT_ONCE: Final = 100
"""Repositories in one query."""

Key = tuple[str, int | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One query, for everybody who asked before it began."""

    repositories: dict[Key, Repository] = field(default_factory=dict)
    found: asyncio.Future[Sequence[Source]]


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
        self._budget = budget
        self._known: OrderedDict[Key, tuple[datetime, Sequence[Source]]] = OrderedDict()
        self._next: _Reading | None = None
        self._turn = asyncio.Lock()

    async def has(self, push: Push) -> bool:
        """Say whether some source may have been moved by the push."""
        remembered = self._remembered(push.repository)
        if remembered is not None:
            return _is_any_on(remembered, push)
        try:
            sources = await self._read(push.repository)
        except TransientError as exc:
            log.warning("sources not read; push taken for tracked", error=str(exc))
            return True
        return _is_any_on(sources, push)

    def _remembered(self, repository: Repository) -> Sequence[Source] | None:
        read_at, sources = self._known.get(_key(repository), (None, ()))
        if read_at is None or self._clock.now() - read_at >= _FRESH:
            return None
        return sources

    async def _read(self, repository: Repository) -> Sequence[Source]:
        reading, is_ours = self._join(repository)
        if is_ours:
            await self._answer(reading)
        # Whoever leaves early does not take the answer from the others.
        return await asyncio.shield(reading.found)

    def _join(self, repository: Repository) -> tuple[_Reading, bool]:
        """Ask with the reading that has not begun; begin one when there is none."""
        reading = self._next
        is_ours = reading is None or len(reading.repositories) >= _MOST_AT_ONCE
        if reading is None or is_ours:
            reading = _Reading(found=asyncio.get_running_loop().create_future())
            self._next = reading
        reading.repositories[_key(repository)] = repository
        return reading, is_ours

    async def _answer(self, reading: _Reading) -> None:
        """Read for everybody; whatever happens, nobody is left waiting."""
        try:
            async with asyncio.timeout(self._budget.total_seconds()), self._turn:
                reading.found.set_result(await self._look(reading))
        except TransientError as exc:
            reading.found.set_exception(exc)
        except TimeoutError as exc:
            late = TransientError("the database did not answer in time")
            late.__cause__ = exc
            reading.found.set_exception(late)
        except BaseException:
            self._close(reading)
            reading.found.set_exception(TransientError("the reading was given up"))
            reading.found.exception()  # it is no defect when nobody else waits
            raise
        self._close(reading)

    async def _look(self, reading: _Reading) -> Sequence[Source]:
        self._close(reading)
        read_at = self._clock.now()
        async with self._store.reading() as tx:
            wanted = reading.repositories
            sources = await tx.sources.of_repositories(wanted.values())
        for key, repository in wanted.items():
            own = [it for it in sources if it.repository.is_same(repository)]
            self._remember(key, read_at, own)
        return sources

    def _close(self, reading: _Reading) -> None:
        """Let nobody join any more: the read may be older than what they ask about."""
        if self._next is reading:
            self._next = None

    def _remember(self, key: Key, read_at: datetime, sources: Sequence[Source]) -> None:
        self._known[key] = (read_at, sources)
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def _key(repository: Repository) -> Key:
    return repository.host, repository.number, repository.label


def _is_any_on(sources: Sequence[Source], push: Push) -> bool:
    return any(it.is_on(push) for it in sources)
