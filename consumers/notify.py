"""An evaluation or the end of a build → a status on the commit.

What is posted is read off the ledger when it is posted, one post of a source at a
time: events may come late, twice and in any order, and the newest look has the last
word. Nothing waits for this role, and nothing else fails with it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote
from weakref import WeakValueDictionary

import structlog

from service.domain.build import RebuildId
from service.domain.evaluation import Evaluation, EvaluationId
from service.domain.notice import Notice, context_of, notice_of
from service.domain.repository import CommitSha
from service.domain.source import Source, SourceId
from service.errors import NotFoundError, PermanentError
from service.ports.notices import Notices
from service.ports.store import Store, Transaction
from service.wire import BuildFinished, Data, EnvironmentEvaluated, Event

__all__ = ["Notifier"]

log = structlog.get_logger(__name__)

MOST_REMEMBERED: Final = 4096
"""Notices, so that the same is seldom said twice; nothing depends on it."""

Place = tuple[SourceId, CommitSha]


class Notifier:
    """Keep the statuses of commits as the ledger is.

    Args:
        store: Where evaluations and rebuilds are.
        notices: Posts.
        public_url: Where forges and people reach us; empty when they do not.
    """

    def __init__(self, *, store: Store, notices: Notices, public_url: str) -> None:
        self._store = store
        self._notices = notices
        self._public_url = public_url
        self._turns: WeakValueDictionary[SourceId, asyncio.Lock] = WeakValueDictionary()
        self._said: OrderedDict[Place, Notice] = OrderedDict()
        self._refusing: set[str] = set()

    async def handle(self, event: Event, data: Data) -> None:
        """Take one event; taking it again says at most the same thing again."""
        del event
        if isinstance(data, EnvironmentEvaluated) and not self._can_post(data):
            return  # where nothing is posted, the ledger need not be read for it
        for place in await self._places(data):
            turn = self._turns.setdefault(place[0], asyncio.Lock())
            async with turn:
                await self._say(place)

    def _can_post(self, look: EnvironmentEvaluated) -> bool:
        return self._notices.can_post(look.repository.read())

    async def _places(self, data: Data) -> Sequence[Place]:
        async with self._store.reading() as tx:
            match data:
                case EnvironmentEvaluated():
                    return await _evaluated(tx, data)
                case BuildFinished():
                    return await _finished(tx, data)
                case _:
                    raise AssertionError(f"{data.name} is not for this role")

    async def _say(self, place: Place) -> None:
        async with self._store.reading() as tx:
            source = await _source(tx, place[0])
            if source is None or not self._notices.can_post(source.repository):
                return
            found = await self._notice(tx, source, place[1])
        if found is None or self._said.get(place) == found:
            return
        try:
            await self._notices.post(source.repository, place[1], found)
        except PermanentError as exc:
            self._note_refusal(source, exc)
        else:
            self._refusing.discard(source.repository.url)
        self._remember(place, found)

    async def _notice(
        self, tx: Transaction, source: Source, commit: CommitSha
    ) -> Notice | None:
        """Return what the newest look at a commit that is worth a word says."""
        context = context_of(source, await _followed(tx, source))
        for evaluation in await _looks(tx, source, commit):
            rebuilds = await tx.rebuilds.of_evaluation(evaluation.id)
            found = notice_of(evaluation, rebuilds, context=context)
            if found is not None:
                return replace(found, url=self._story(evaluation))
        return None

    def _story(self, evaluation: Evaluation) -> str:
        if not self._public_url:
            return ""
        return f"{self._public_url}/api/data/explanations?of={quote(evaluation.id)}"

    def _note_refusal(self, source: Source, exc: PermanentError) -> None:
        """Log the first refusal in a row: a repository says the same each time."""
        url = source.repository.url
        if url not in self._refusing:
            log.warning("status refused", repository=url, error=str(exc))
        self._refusing.add(url)

    def _remember(self, place: Place, notice: Notice) -> None:
        self._said[place] = notice
        self._said.move_to_end(place)
        if len(self._said) > MOST_REMEMBERED:
            self._said.popitem(last=False)


async def _evaluated(tx: Transaction, data: EnvironmentEvaluated) -> Sequence[Place]:
    """Return the place of a look, if there is anything to say of it."""
    if data.commit is None:
        return ()
    evaluation = EvaluationId(data.evaluation_id)
    rebuilds = await tx.rebuilds.of_evaluation(evaluation)
    look = await tx.evaluations.get(evaluation)
    if notice_of(look, rebuilds, context="") is None:
        return ()
    return ((SourceId(data.source_id), CommitSha(data.commit)),)


async def _finished(tx: Transaction, data: BuildFinished) -> Sequence[Place]:
    rebuilds = [await tx.rebuilds.get(RebuildId(it)) for it in data.rebuild_ids]
    places = ((SourceId(it.source_id), it.plan.commit) for it in rebuilds if it.plan)
    return tuple(dict.fromkeys(places))


async def _source(tx: Transaction, source: SourceId) -> Source | None:
    try:
        return await tx.sources.get(source)
    except NotFoundError:
        return None


async def _followed(tx: Transaction, source: Source) -> Iterable[Source]:
    """Return the sources of a repository that some launcher follows."""
    known = await tx.sources.of_repository(source.repository)
    same = [it for it in known if it.repository.is_same(source.repository)]
    return [it for it in same if await tx.launchers.of_source(it.id)]


async def _looks(
    tx: Transaction, source: Source, commit: CommitSha
) -> Sequence[Evaluation]:
    """Return a source's looks at a commit, newest first."""
    looks = await tx.evaluations.of_commit(commit)
    mine = [it for it in looks if it.source_id == source.id and it.commit == commit]
    return sorted(mine, key=lambda it: (it.generation, it.completed_at), reverse=True)
