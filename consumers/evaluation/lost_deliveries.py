"""Finds accepted deliveries that no evaluation covers, and requests one for each.

What a forge delivered is a message until an evaluation is requested for it. A broker
that loses what it had confirmed, with its disk or its virtual host, loses the message;
the record of the delivery is in the database.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumers.evaluation.enqueue import find_followers
from consumers.loops.periodic import run_periodically
from consumers.loops.supervisor import isolate
from consumers.loops.wakeup import Wakeup
from service.domain.evaluation.comparison import Verdict
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.push import Push, Trigger
from service.domain.repository import Ref
from service.domain.source import Access, Source
from service.errors import ForeignRepositoryError, NotFoundError
from service.forges.binding import bound
from service.ports.store import Cursor, DeliveryRecord, Store, Transaction
from service.ports.time import Clock

__all__ = ["LostDeliveries"]

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(minutes=5)
"""How long a message may be under way. One that is only late is evaluated once more,
which costs a question to its forge."""
WINDOW: Final = timedelta(days=1)
"""What a new leader checks. The sweep has asked for everything older several times."""
EVERY: Final = timedelta(minutes=1)


# One, in the process that leads. Each delivery is checked once by each leader, when it
# has been under way for long enough: from then on either an evaluation covers it, or a
# request is in the evaluation queue, which no crash loses.
class LostDeliveries:
    """Request evaluations for deliveries whose message was lost.

    Args:
        store: Where deliveries and evaluations are on record.
        clock: Gives the time.
        debounce: How requests are gathered.
        wakeup: Notified when there is something to evaluate.
        patience: How long a message may be under way.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        debounce: Debounce,
        wakeup: Wakeup,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._debounce = debounce
        self._wakeup = wakeup
        self._patience = patience
        self._checked_until: datetime | None = None

    async def run(self) -> None:
        """Check until cancelled, first at once."""
        await run_periodically(
            self.round,
            clock=self._clock,
            failure="deliveries not checked",
            every=min(EVERY, self._patience),
        )

    async def round(self) -> None:
        """Check every delivery that has been under way for long enough.

        Raises:
            TransientError: The database did not answer; the next round begins here.
        """
        now = self._clock.now()
        since, before = self._checked_until or now - WINDOW, now - self._patience
        last: Cursor | None = None
        while True:
            async with self._store.reading() as tx:
                page = await tx.deliveries.unevaluated(
                    since=since, before=before, after=last
                )
            if not page:
                break
            last = Cursor(at=page[-1].received_at, id=page[-1].id)
            for record in page:
                with isolate("delivery not checked", delivery=record.id):
                    await self._check(record)
        self._checked_until = before

    async def _check(self, record: DeliveryRecord) -> None:
        requested = []
        async with self._store.transaction() as tx:
            for source in await _followers(tx, record):
                if await _was_hidden(tx, source, since=record.received_at):
                    continue
                waiting = await tx.evaluation_queue.requests(source.id)
                if any(request.delivery_id == record.id for _, request in waiting):
                    continue  # its forge is away, or the source is not due yet
                request = EvaluationRequest(
                    source_id=source.id,
                    trigger=Trigger.PUSH,
                    delivery_id=record.id,
                    requested_at=self._clock.now(),
                )
                await tx.evaluation_queue.enqueue(request, debounce=self._debounce)
                requested.append(source.id)
        if requested:
            log.warning("lost delivery found", delivery=record.id, sources=requested)
            self._wakeup.notify()


async def _followers(tx: Transaction, record: DeliveryRecord) -> Sequence[Source]:
    push = await _push_of(tx, record)
    if push is None:
        return ()
    (found,) = await find_followers(tx, [push])
    if found or push.repository.number is None:
        return found
    # What tracks the path may have another number on record, as receivers know.
    by_path = replace(push.repository, number=None)
    (found,) = await find_followers(tx, [replace(push, repository=by_path)])
    return found


async def _was_hidden(tx: Transaction, source: Source, *, since: datetime) -> bool:
    """Return whether an evaluation since then may have left out its deliveries.

    It does so where a repository that is read without credentials cannot be read: it
    may be private, and its followers are not shown who pushed meanwhile.
    """
    if source.access is Access.CREDENTIAL:
        return False
    latest = await tx.evaluations.of_source(source.id)
    return any(
        item.comparison.verdict is Verdict.UNKNOWN and item.completed_at >= since
        for item in latest
    )


async def _push_of(tx: Transaction, record: DeliveryRecord) -> Push | None:
    """Read a push off its record, in the words of its hook; None without the hook."""
    try:
        hook = await tx.hooks.get(record.hook_id)
        repository = bound(hook, path=record.repository, number=hook.repository.number)
    except (NotFoundError, ForeignRepositoryError):
        return None
    return Push(
        repository=repository,
        ref=Ref(record.ref),
        before=record.before,
        after=record.after,
        default_branch=None,
    )
