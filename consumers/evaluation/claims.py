"""Claims of due evaluations: as many as this process has places for.

requests are added ──▶ claimed with them, while a place is free
a place is free    ──▶ the longest due are claimed, whoever added them
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consumers.loops.heartbeat import LEASE
from consumers.loops.places import Places
from consumers.loops.wakeup import Wakeup
from service.domain.evaluation.queue import Claim, DueEvaluation
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["EvaluationClaims", "Reservation"]

POLL: Final = timedelta(seconds=5)
"""The delay of a request whose process died before it notified; others do notify."""

Work = Callable[[DueEvaluation, datetime], Coroutine[None, None, None]]
"""Works on what was claimed, and when that was."""


@dataclass(slots=True, kw_only=True)
class Reservation:
    """Places that are kept for what one transaction claims."""

    claim: Claim
    claimed: Sequence[DueEvaluation] = ()
    """Set once the transaction is committed."""


# One per consuming process, shared by the evaluator, whose places these are, and by
# whoever adds requests. A process that dies between a claim and its evaluation leaves a
# claim that nobody renews: another takes the source after one lease.
class EvaluationClaims:
    """Claim due evaluations, and begin with them where a place is free."""

    def __init__(self, *, store: Store, clock: Clock, wakeup: Wakeup) -> None:
        self._store = store
        self._clock = clock
        self._wakeup = wakeup
        self._open: tuple[Places, Work] | None = None

    @contextmanager
    def opened(self, places: Places, work: Work) -> Iterator[None]:
        """Have reservations be made in some places while the block runs."""
        self._open = places, work
        try:
            yield
        finally:
            self._open = None

    @asynccontextmanager
    async def reserve(self, most: int) -> AsyncIterator[Reservation]:
        """Keep free places during the block; begin then with what it claimed.

        None is kept where nobody works, or where all places are taken: then the
        evaluator claims when it has one.
        """
        now = self._clock.now()
        if self._open is None:
            yield Reservation(claim=Claim(now=now, until=now + LEASE, limit=0))
            return
        places, work = self._open
        taken = await places.take_free(most)
        kept = Reservation(claim=Claim(now=now, until=now + LEASE, limit=taken))
        try:
            yield kept
        finally:
            # Who stopped working meanwhile begins nothing: what was claimed is free
            # for others after one lease, as that of a process that died.
            if self._works_in(places):
                places.begin([work(one, now) for one in kept.claimed], taken=taken)

    def _works_in(self, places: Places) -> bool:
        return self._open is not None and self._open[0] is places

    async def claim(self, now: datetime, *, limit: int) -> Sequence[DueEvaluation]:
        """Claim the longest due evaluations.

        Raises:
            TransientError: The database did not answer.
        """
        # The claim is a transaction of its own. Holding one open while a forge answers
        # would keep a connection and, on SQLite, the only writer for seconds.
        async with self._store.transaction() as tx:
            return await tx.evaluation_queue.claim(now=now, lease=LEASE, limit=limit)

    def notify(self) -> None:
        """Have whoever waits look again: something may be due now."""
        self._wakeup.notify()

    async def wait(self) -> None:
        """Wait until something may be due.

        Raises:
            TransientError: The database did not answer.
        """
        # Bounded by the next due time and by POLL: the wakeup is a signal inside this
        # process only, and requests of other processes would otherwise not be noticed.
        await self._wakeup.wait(at_most=await self._until_next())

    async def _until_next(self) -> timedelta:
        async with self._store.reading(is_single=True) as tx:
            due = await tx.evaluation_queue.next_due()
        if due is None:
            return POLL
        # Never zero: a due evaluation whose claim another process holds is already due,
        # and a wait of nothing would make the loop spin on the database.
        return max(timedelta(milliseconds=1), min(POLL, due - self._clock.now()))
