"""An evaluation or the end of a build → a status on the commit.

What is posted is read from the database when it is posted, one post of a source at a
time: events may come late, twice and in any order, and the newest evaluation counts.
Nothing waits for this role, and nothing else fails with it.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote
from weakref import WeakValueDictionary

import structlog
from cachetools import LRUCache

from service.domain.building.build import BuildId, Rebuild, RebuildId
from service.domain.commit_status import CommitStatus, describe_status, name_context
from service.domain.evaluation.comparison import Evaluation, EvaluationId
from service.domain.repository import CommitSha
from service.domain.source import Access, Source, SourceId
from service.errors import NotFoundError, PermanentError
from service.events.envelope import Event
from service.events.models import BuildFinished, Data, EnvironmentEvaluated
from service.ports.commit_statuses import CommitStatuses
from service.ports.store import Store, Transaction

__all__ = ["CommitStatusNotifier"]

log = structlog.get_logger(__name__)

MOST_REMEMBERED: Final = 4096
"""Remembered statuses, so that one is seldom sent twice; nothing depends on it."""

PLACES: Final = 50
"""How many commits of one build get a status, the latest first."""

Place = tuple[SourceId, CommitSha]


# One, in the process that leads: two could overtake each other, and a forge shows
# whichever came last. What it remembers only saves requests; after a restart some
# statuses are posted again.
class CommitStatusNotifier:
    """Keep the statuses of commits as the ledger is.

    Args:
        store: Where evaluations and rebuilds are.
        notices: Posts.
        public_url: Where forges and people reach us; empty when they do not.
    """

    def __init__(
        self, *, store: Store, notices: CommitStatuses, public_url: str
    ) -> None:
        self._store = store
        self._notices = notices
        self._public_url = public_url
        # Weak values: a lock lives while somebody holds or awaits it. A plain dict
        # would keep one for every source ever seen.
        self._turns: WeakValueDictionary[SourceId, asyncio.Lock] = WeakValueDictionary()
        self._posted: LRUCache[Place, CommitStatus] = LRUCache(maxsize=MOST_REMEMBERED)
        self._refusing: set[str] = set()

    async def handle(self, event: Event, data: Data) -> None:
        """Handle one event; handling it again sends at most the same status again."""
        del event
        if isinstance(data, EnvironmentEvaluated) and not self._can_post(data):
            return  # where nothing is posted, the ledger need not be read for it
        for place in await self._places(data):
            # The local variable keeps the lock alive for the block; without it the weak
            # dictionary could drop it between two waiters.
            turn = self._turns.setdefault(place[0], asyncio.Lock())
            async with turn:
                await self._say(place)

    def _can_post(self, evaluation: EnvironmentEvaluated) -> bool:
        return self._notices.can_post(evaluation.repository.read())

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
            # Written with the installation's credentials, which its project was not
            # granted for this repository.
            if source.access is not Access.CREDENTIAL:
                return
            found = await self._notice(tx, source, place[1])
        if found is None or self._posted.get(place) == found:
            return
        try:
            await self._notices.post(source.repository, place[1], found)
        # Remembered as posted all the same: the token lacks the right for this
        # repository, and every further event would meet the same 403 and use up the
        # rate limit.
        except PermanentError as exc:
            self._note_refusal(source, exc)
        else:
            self._refusing.discard(source.repository.url)
        self._posted[place] = found

    async def _notice(
        self, tx: Transaction, source: Source, commit: CommitSha
    ) -> CommitStatus | None:
        """Return the newest evaluation of a commit that deserves a status."""
        context = name_context(source, await _followed(tx, source))
        for evaluation in await _evaluations_of(tx, source, commit):
            rebuilds = await _results(tx, evaluation.id)
            found = describe_status(evaluation, rebuilds, context=context)
            if found is not None:
                return replace(found, url=self._story(evaluation))
        return None

    def _story(self, evaluation: Evaluation) -> str:
        if not self._public_url:
            return ""
        return f"{self._public_url}/api/relaunch/explanations?of={quote(evaluation.id)}"

    def _note_refusal(self, source: Source, exc: PermanentError) -> None:
        """Log the first refusal in a row: a repository answers the same each time."""
        url = source.repository.url
        if url not in self._refusing:
            log.warning("status refused", repository=url, error=str(exc))
        self._refusing.add(url)


async def _evaluated(tx: Transaction, data: EnvironmentEvaluated) -> Sequence[Place]:
    """Return the target of a status, if the evaluation deserves one."""
    if data.commit is None:
        return ()
    id_ = EvaluationId(data.evaluation_id)
    rebuilds = await _results(tx, id_)
    evaluation = await tx.evaluations.get(id_)
    if describe_status(evaluation, rebuilds, context="") is None:
        return ()
    return ((SourceId(data.source_id), CommitSha(data.commit)),)


async def _finished(tx: Transaction, data: BuildFinished) -> Sequence[Place]:
    """Return the commits whose rebuilds ended: of one evaluation, or of a build."""
    if data.evaluation_id is not None:
        evaluation = await tx.evaluations.get(EvaluationId(data.evaluation_id))
        return ((evaluation.source_id, evaluation.commit),) if evaluation.commit else ()
    rebuilds = [await tx.rebuilds.get(RebuildId(id_)) for id_ in data.rebuild_ids]
    if data.build_id is not None and not rebuilds:
        rebuilds = list(
            await tx.rebuilds.samples_of_build(BuildId(data.build_id), limit=PLACES)
        )
    places = (
        (SourceId(rebuild.source_id), rebuild.plan.commit)
        for rebuild in rebuilds
        if rebuild.plan
    )
    return tuple(dict.fromkeys(places))


async def _results(tx: Transaction, evaluation: EvaluationId) -> Sequence[Rebuild]:
    """Return one rebuild of an evaluation for each result that some of them have.

    Of a build that ended thousands may still be unfinished: its result is theirs.
    """
    samples = await tx.rebuilds.samples_of_evaluation(evaluation)
    return [await _with_result(tx, rebuild) for rebuild in samples]


async def _with_result(tx: Transaction, rebuild: Rebuild) -> Rebuild:
    if rebuild.state.is_final or rebuild.build_id is None:
        return rebuild
    build = await tx.builds.get(rebuild.build_id)
    if not build.state.is_final:
        return rebuild
    return replace(rebuild, state=build.state, failure=build.failure)


async def _source(tx: Transaction, source: SourceId) -> Source | None:
    try:
        return await tx.sources.get(source)
    except NotFoundError:
        return None


async def _followed(tx: Transaction, source: Source) -> Iterable[Source]:
    """Return the sources of a repository that some launcher follows."""
    # Needed for the context's name: two sources of one repository need different
    # contexts, or each status would replace the other's.
    known = await tx.sources.of_repository(source.repository)
    same = [item for item in known if item.repository.is_same(source.repository)]
    followed = await tx.launchers.of_sources([item.id for item in same], limit=1)
    return [
        item
        for item in same
        if item.id in followed and item.access is Access.CREDENTIAL
    ]


async def _evaluations_of(
    tx: Transaction, source: Source, commit: CommitSha
) -> Sequence[Evaluation]:
    """Return a source's evaluations of a commit, newest first."""
    evaluations = await tx.evaluations.of_commit(commit)
    mine = [
        evaluation
        for evaluation in evaluations
        if evaluation.source_id == source.id and evaluation.commit == commit
    ]
    return sorted(
        mine,
        # By generation first: clocks of two consumers differ, generations are given out
        # by the database. Evaluations that saw nothing share one, hence the time.
        key=lambda evaluation: (evaluation.generation, evaluation.completed_at),
        reverse=True,
    )
