"""Asks every source for its head from time to time: a lost delivery costs minutes.

A head is asked for, and only who moved without a delivery is evaluated. One question
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

from consumers.loops.periodic import run_periodically
from consumers.loops.wakeup import Wakeup
from service.domain.evaluation.comparison import RefMissing
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.evaluation.sweep import (
    PollItem,
    PollPolicy,
    PollResult,
    PollState,
    compare_heads,
    first_poll,
    group_by_repository,
    next_poll,
)
from service.domain.push import Trigger
from service.domain.repository import Repository
from service.domain.source import Access, Head
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

Asked = tuple[Repository, Sequence[PollItem]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadAnswer:
    """What a turn brought."""

    turn: PollItem
    finding: PollResult
    head: Head | RefMissing | None = None
    """None where there was no answer."""


# One, in the process that leads. When each source is due is a row, so changes of leader
# neither skip sources nor ask for all of them at once; only pauses that hosts demanded
# are in memory.
class Sweep:
    """Ask for the heads of all sources, in one process of all.

    Args:
        store: Where the sources and their turns are.
        heads: Answers for repositories.
        anonymous_heads: Answers for those that are read without credentials.
        clock: Gives the time.
        poll_policy: How often a source is asked.
        per_hour: How many repositories of one host are asked in an hour, at most.
        debounce: How asks are gathered.
        wakeup: Notified when there is something to evaluate.
        chance: Gives anything from 0 to 1.
    """

    def __init__(
        self,
        *,
        store: Store,
        heads: Heads,
        anonymous_heads: Heads,
        clock: Clock,
        poll_policy: PollPolicy,
        per_hour: int,
        debounce: Debounce,
        wakeup: Wakeup,
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._heads = {
            Access.CREDENTIAL: heads,
            Access.ANONYMOUS: anonymous_heads,
        }
        self._clock = clock
        self._poll_policy = poll_policy
        self._apart = HOUR / per_hour
        self._debounce = debounce
        self._wakeup = wakeup
        self._chance = chance
        self._rests: dict[str, datetime] = {}
        """Until when a host is left alone."""

    async def run(self) -> None:
        """Sweep until cancelled."""
        await run_periodically(
            self.round,
            clock=self._clock,
            failure="sweep waits",
            every=min(POLL, self._poll_policy.first / POLLS),
        )

    async def round(self) -> None:
        """Ask for every repository whose turn it is, as far as its host allows.

        Raises:
            TransientError: The database did not answer.
        """
        now = self._clock.now()
        async with self._store.reading() as tx:
            # Limited per host in the query: a host with ten thousand due sources would
            # otherwise fill every page, and small hosts would never get a turn.
            found = await tx.sweeps.due(now=now, per_host=ROUND // self._apart + 1)
        turns = list(found)
        # First turns are spread at random over an interval: an import of a thousand
        # launchers would otherwise be due at one instant, for ever.
        await self._begin([turn for turn in turns if turn.state is None], now)
        # Grouped with sources of the repository that are not due yet: one request
        # answers for all of them, and their next turns move together.
        due = [pair for pair in group_by_repository(turns) if _is_due(pair, now)]
        due.sort(key=_host)
        try:
            # Hosts side by side, repositories of one host one after the other: a slow
            # or limited host delays nobody else.
            async with asyncio.TaskGroup() as group:
                for host, repositories in groupby(due, key=_host):
                    group.create_task(self._sweep_host(host, list(repositories)))
        # A group of errors would pass by `except TransientError` in the loop and end it
        # as if it were broken.
        except* TransientError as failed:
            raise TransientError("the sweep broke off") from failed

    async def _begin(self, turns: Sequence[PollItem], now: datetime) -> None:
        """Give turns to sources that never had one."""
        if not turns:
            return
        async with self._store.transaction() as tx:
            await tx.sweeps.save(
                first_poll(
                    turn.source,
                    now=now,
                    poll_policy=self._poll_policy,
                    chance=self._chance(),
                )
                for turn in turns
            )

    async def _sweep_host(self, host: str, repositories: Sequence[Asked]) -> None:
        until = self._clock.now() + ROUND
        answers: list[HeadAnswer] = []
        for repository, turns in repositories:
            now = self._clock.now()
            # What is not reached stays due and is first in the next round. A round that
            # waited for one host to the end would hold up the first turns of all.
            if now >= until or now < self._rests.get(host, now):
                break
            found = await self._ask(repository, turns)
            answers += found
            if len(answers) >= BATCH or any(
                answer.finding.needs_look for answer in found
            ):
                # At once when something moved; in batches otherwise, so that two
                # hundred unchanged sources share one transaction.
                await self._conclude(answers)
                answers = []
            await self._clock.sleep(self._apart)
        await self._conclude(answers)

    async def _ask(
        self, repository: Repository, turns: Sequence[PollItem]
    ) -> Sequence[HeadAnswer]:
        """Ask one question for all sources of a repository."""
        revisions = {turn.source.revision for turn in turns}
        try:
            access = turns[0].source.access
            heads = await self._heads[access].heads(repository, revisions)
        except PermanentError:
            return [HeadAnswer(turn=turn, finding=PollResult.UNSEEN) for turn in turns]
        except TransientError as exc:
            log.info("no answer to a sweep", repository=repository.url, error=str(exc))
            # For the host and not the repository: rate limits are per token, and every
            # further request would lengthen some of them.
            if exc.retry_after:
                self._rests[repository.host] = self._clock.now() + exc.retry_after
            return [HeadAnswer(turn=turn, finding=PollResult.SILENT) for turn in turns]
        except Exception:
            # A fault that one repository brings out: it has its next turn later.
            log.exception("sweep failed", repository=repository.url)
            return [HeadAnswer(turn=turn, finding=PollResult.SILENT) for turn in turns]
        return [_answer(turn, heads[turn.source.revision]) for turn in turns]

    async def _conclude(self, answers: Sequence[HeadAnswer]) -> None:
        """Schedule the next turns, and enqueue sources that moved without a push."""
        if not answers:
            return
        async with self._store.transaction() as tx:
            beats = [await self._settle(tx, answer) for answer in answers]
            await tx.sweeps.save(beats)
        if any(answer.finding.needs_look for answer in answers):
            self._wakeup.notify()

    async def _settle(self, tx: Transaction, answer: HeadAnswer) -> PollState:
        now = self._clock.now()
        if answer.finding.needs_look:
            # The head was read outside of any transaction. A push that was evaluated
            # since moved `seen` forward, and an evaluation of the older answer would be
            # in vain.
            answer = await _checked(tx, answer)
        if answer.finding.needs_look:
            source = answer.turn.source.id
            request = EvaluationRequest(
                source_id=source, trigger=Trigger.SWEEP, requested_at=now
            )
            await tx.evaluation_queue.enqueue(request, debounce=self._debounce)
            log.info("sweep asks", source=source, finding=answer.finding.value)
        return next_poll(
            answer.turn,
            answer.finding,
            now=now,
            poll_policy=self._poll_policy,
            chance=self._chance(),
        )


async def _checked(tx: Transaction, answer: HeadAnswer) -> HeadAnswer:
    """Compare again with what is known now: a push may have come since the round began.

    Whoever lost its last launcher meanwhile is evaluated once more, which does no harm.
    """
    turn = answer.turn
    asks = await tx.evaluation_queue.requests(turn.source.id)
    source = await tx.sources.get(turn.source.id)
    turn = replace(turn, source=source, is_asked_for=bool(asks))
    if answer.head is not None:
        return _answer(turn, answer.head)
    return replace(answer, finding=PollResult.ANNOUNCED) if asks else answer


def _answer(turn: PollItem, head: Head | RefMissing) -> HeadAnswer:
    return HeadAnswer(turn=turn, head=head, finding=compare_heads(turn, head))


def _is_due(asked: Asked, now: datetime) -> bool:
    return any(poll.state is not None and poll.state.due_at <= now for poll in asked[1])


def _host(asked: Asked) -> str:
    return asked[0].host
