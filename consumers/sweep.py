"""Asks every source for its head from time to time: a lost delivery costs minutes.

A head is asked for, and only who moved without a word is looked at. One question
answers for all sources of a repository; questions to one host keep a distance, so that
ten thousand sources cost it no more an hour than was agreed.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import structlog

from consumers.bell import Bell
from service.domain.agenda import Look, Pace
from service.domain.evaluation import RefGone
from service.domain.push import Evidence
from service.domain.repository import Repository
from service.domain.source import Head
from service.domain.sweeping import (
    Beat,
    Finding,
    Rhythm,
    Turn,
    compare,
    first_beat,
    grouped,
    next_beat,
)
from service.errors import PermanentError, TransientError
from service.ports.remote import Heads
from service.ports.store import Store, Transaction
from service.ports.time import Clock

__all__ = ["Sweep"]

log = structlog.get_logger(__name__)

ROUND: Final = timedelta(minutes=5)
"""How long one host may keep the others waiting for their next turns."""
POLL: Final = timedelta(seconds=30)
"""Between rounds; little beside any interval that an operator would choose."""
POLLS: Final = 20
"""In the first interval, where that is short."""
HOUR: Final = timedelta(hours=1)

BATCH: Final = 200
"""Turns that end together when nothing was found; a crash repeats as many."""

Asked = tuple[Repository, Sequence[Turn]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a turn brought."""

    turn: Turn
    finding: Finding
    head: Head | RefGone | None = None
    """None where there was no answer."""


class Sweep:
    """Ask for the heads of all sources, in one process of all.

    Args:
        store: Where the sources and their turns are.
        heads: Answers for repositories.
        clock: Tells the time.
        rhythm: How often a source is asked.
        per_hour: How many repositories of one host are asked in an hour, at most.
        pace: How asks are gathered.
        bell: Rung when there is something to look at.
        chance: Gives anything from 0 to 1.
    """

    def __init__(
        self,
        *,
        store: Store,
        heads: Heads,
        clock: Clock,
        rhythm: Rhythm,
        per_hour: int,
        pace: Pace,
        bell: Bell,
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._heads = heads
        self._clock = clock
        self._rhythm = rhythm
        self._apart = HOUR / per_hour
        self._pace = pace
        self._bell = bell
        self._chance = chance
        self._rests: dict[str, datetime] = {}
        """Until when a host is left alone."""

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self.round()
            except TransientError as exc:
                log.warning("sweep waits", error=str(exc))
            await self._clock.sleep(min(POLL, self._rhythm.first / POLLS))

    async def round(self) -> None:
        """Ask for every repository whose turn it is, as far as its host allows.

        Raises:
            TransientError: The database did not answer.
        """
        now = self._clock.now()
        async with self._store.reading() as tx:
            found = await tx.sweeps.turns(now=now, per_host=ROUND // self._apart + 1)
        turns = list(found)
        await self._begin([it for it in turns if it.beat is None], now)
        due = [it for it in grouped(turns) if _is_due(it, now)]
        due.sort(key=_host)
        try:
            async with asyncio.TaskGroup() as group:
                for host, repositories in groupby(due, key=_host):
                    group.create_task(self._sweep_host(host, list(repositories)))
        except* TransientError as failed:
            raise TransientError("the sweep broke off") from failed

    async def _begin(self, turns: Sequence[Turn], now: datetime) -> None:
        """Give turns to sources that never had one."""
        if not turns:
            return
        async with self._store.transaction() as tx:
            await tx.sweeps.save(
                first_beat(
                    it.source, now=now, rhythm=self._rhythm, chance=self._chance()
                )
                for it in turns
            )

    async def _sweep_host(self, host: str, repositories: Sequence[Asked]) -> None:
        until = self._clock.now() + ROUND
        answers: list[Answer] = []
        for repository, turns in repositories:
            now = self._clock.now()
            if now >= until or now < self._rests.get(host, now):
                break
            found = await self._ask(repository, turns)
            answers += found
            if len(answers) >= BATCH or any(it.finding.needs_look for it in found):
                await self._conclude(answers)
                answers = []
            await self._clock.sleep(self._apart)
        await self._conclude(answers)

    async def _ask(
        self, repository: Repository, turns: Sequence[Turn]
    ) -> Sequence[Answer]:
        """Ask one question for all sources of a repository."""
        revisions = {it.source.revision for it in turns}
        try:
            heads = await self._heads.heads(repository, revisions)
        except PermanentError:
            return [Answer(turn=it, finding=Finding.UNSEEN) for it in turns]
        except TransientError as exc:
            log.info("no answer to a sweep", repository=repository.url, error=str(exc))
            if exc.retry_after:
                self._rests[repository.host] = self._clock.now() + exc.retry_after
            return [Answer(turn=it, finding=Finding.SILENT) for it in turns]
        except Exception:
            # A fault that one repository brings out: it has its next turn later.
            log.exception("sweep failed", repository=repository.url)
            return [Answer(turn=it, finding=Finding.SILENT) for it in turns]
        return [_answer(it, heads[it.source.revision]) for it in turns]

    async def _conclude(self, answers: Sequence[Answer]) -> None:
        """Give everybody the next turn, and put on the agenda who moved unheard."""
        if not answers:
            return
        async with self._store.transaction() as tx:
            beats = [await self._settle(tx, it) for it in answers]
            await tx.sweeps.save(beats)
        if any(it.finding.needs_look for it in answers):
            self._bell.ring()

    async def _settle(self, tx: Transaction, answer: Answer) -> Beat:
        now = self._clock.now()
        if answer.finding.needs_look:
            answer = await _checked(tx, answer)
        if answer.finding.needs_look:
            source = answer.turn.source.id
            look = Look(source_id=source, evidence=Evidence.SWEEP, asked_at=now)
            await tx.agenda.ask(look, pace=self._pace)
            log.info("sweep asks", source=source, finding=answer.finding.value)
        return next_beat(
            answer.turn,
            answer.finding,
            now=now,
            rhythm=self._rhythm,
            chance=self._chance(),
        )


async def _checked(tx: Transaction, answer: Answer) -> Answer:
    """Compare again with what is known now: a push may have come since the round began.

    Whoever lost its last launcher meanwhile is looked at once more; nobody minds.
    """
    turn = answer.turn
    asks = await tx.agenda.asks(turn.source.id)
    source = await tx.sources.get(turn.source.id)
    turn = replace(turn, source=source, is_asked_for=bool(asks))
    if answer.head is not None:
        return _answer(turn, answer.head)
    return replace(answer, finding=Finding.TOLD) if asks else answer


def _answer(turn: Turn, head: Head | RefGone) -> Answer:
    return Answer(turn=turn, head=head, finding=compare(turn, head))


def _is_due(asked: Asked, now: datetime) -> bool:
    return any(it.beat is not None and it.beat.due_at <= now for it in asked[1])


def _host(asked: Asked) -> str:
    return asked[0].host
