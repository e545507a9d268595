"""push.received, evaluation.requested → the queue of sources to evaluate.

The ask is durable and costs a share of a transaction; a thousand pushes to a ref are a
thousand requests and very few evaluations.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from consumers.evaluation.claims import EvaluationClaims
from consumers.loops.gathering import AT_ONCE, Gatherer
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import Verdict
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.hook import HookId
from service.domain.push import Push, Trigger
from service.domain.repository import Ref
from service.domain.source import Access, Source, SourceId
from service.events.envelope import Event
from service.events.models import (
    ArrivalData,
    Data,
    EvaluationRequested,
    PushReceived,
)
from service.ports.store import DeliveryRecord, Store, Transaction

__all__ = ["EvaluationEnqueuer", "find_followers", "push_of"]


# One per consuming process, called for many messages at once: those that come while a
# transaction is under way share the next. Safe to repeat: a message that comes again
# adds a request for the same source, which the same evaluation settles.
class EvaluationEnqueuer:
    """Enqueue the sources that a push asks to be evaluated."""

    def __init__(
        self,
        *,
        store: Store,
        debounce: Debounce,
        claims: EvaluationClaims,
    ) -> None:
        self._store = store
        self._debounce = debounce
        self._claims = claims
        self._together = Gatherer(self._enqueue, most=AT_ONCE)

    async def handle(self, event: Event, data: Data) -> None:
        """Enqueue the sources of one event."""
        assert isinstance(data, PushReceived | EvaluationRequested)
        await self._together.ask((event, data))

    async def _enqueue(
        self, asked: Sequence[tuple[Event, PushReceived | EvaluationRequested]]
    ) -> Sequence[None]:
        async with self._claims.reserve(len(asked)) as kept:
            async with self._store.transaction() as tx:
                requests = await _requested(tx, asked, now=kept.claim.now)
                claimed = await tx.evaluation_queue.enqueue_all(
                    requests, debounce=self._debounce, claim=kept.claim
                )
            kept.claimed = claimed
        # After the commit: a worker that woke up before would find nothing due and
        # sleep for a whole POLL. Not for what was claimed with its request.
        if len(claimed) < len({request.source_id for request in requests}):
            self._claims.notify()
        return [None] * len(asked)


async def _requested(
    tx: Transaction,
    asked: Sequence[tuple[Event, PushReceived | EvaluationRequested]],
    *,
    now: datetime,
) -> Sequence[EvaluationRequest]:
    pushes = [data for _, data in asked if isinstance(data, PushReceived)]
    # The receiver writes delivery records after its answer and may lose them. The
    # event is durable, so the record that the evaluation refers to is written from
    # it, in the same transaction as the request.
    records = [record for data in pushes for record in _records(data)]
    if records:
        await tx.deliveries.record(records)
    # Matched here again and not taken from the receiver: its cache may be two
    # seconds old, and sources that were added since have to get this push.
    followers = await find_followers(tx, [push_of(data) for data in pushes])
    of_pushes = iter(followers)
    requests: list[EvaluationRequest] = []
    for event, data in asked:
        if isinstance(data, EvaluationRequested):
            sources = await _named(tx, data)
        else:
            sources = next(of_pushes)
        for source in sources:
            requests += _requests(source.id, event, data, now=now)
    return requests


def _requests(
    source: SourceId,
    event: Event,
    data: PushReceived | EvaluationRequested,
    *,
    now: datetime,
) -> Iterable[EvaluationRequest]:
    request = EvaluationRequest(
        source_id=source,
        trigger=Trigger(data.trigger),
        traceparent=event.traceparent,
        requested_at=now,
    )
    if isinstance(data, EvaluationRequested):
        yield replace(request, rebuild_ids=data.rebuild_ids)
        return
    # Each delivery that the event stands for asks for the same.
    deliveries = [
        *(arrival.delivery_id for arrival in data.earlier),
        data.delivery_id,
    ]
    for delivery in deliveries:
        yield replace(
            request,
            delivery_id=DeliveryId(delivery) if delivery else None,
            suggested_number=data.suggested_number,
            changed_paths=data.changed_paths,
        )


def _records(data: PushReceived) -> Sequence[DeliveryRecord]:
    # A replay names a delivery that is on record already; written again it would be
    # counted as another arrival.
    if not (data.trigger == "push" and data.delivery_id and data.hook_id):
        return ()
    earlier = (_record(_alone(data, arrival)) for arrival in data.earlier)
    return (_record(data), *earlier)


def _alone(data: PushReceived, arrival: ArrivalData) -> PushReceived:
    """Return the event that an earlier arrival would have been by itself."""
    own = {name: getattr(arrival, name) for name in ArrivalData.model_fields}
    return data.model_copy(update={**own, "earlier": ()})


async def _named(tx: Transaction, data: EvaluationRequested) -> Sequence[Source]:
    """Return the sources that a request names, without those removed since."""
    found = await tx.sources.get_many(SourceId(source) for source in data.source_ids)
    by_id = {source.id: source for source in found}
    return [by_id[SourceId(id_)] for id_ in data.source_ids if id_ in by_id]


async def find_followers(
    tx: Transaction, pushes: Sequence[Push]
) -> Sequence[Sequence[Source]]:
    """Return the sources that each push asks to be evaluated."""
    if not pushes:
        return ()
    sources = await tx.sources.of_repositories(push.repository for push in pushes)
    followers = [
        [source for source in sources if source.is_on(push)] for push in pushes
    ]
    hidden = await _hidden(tx, (source for found in followers for source in found))
    return [
        [source for source in found if source.id not in hidden] for found in followers
    ]


async def _hidden(tx: Transaction, sources: Iterable[Source]) -> Container[SourceId]:
    """Return the sources whose followers may not know that it was pushed to.

    Those that are read without credentials, unless the last look found them. For a
    private repository an evaluation by a push would tell that it exists, when it is
    worked on, and by the delivery who pushed what.
    """
    anonymous = {source.id for source in sources if source.access is Access.ANONYMOUS}
    if not anonymous:
        return anonymous
    verdicts = await tx.evaluations.latest_verdicts(anonymous)
    return {
        source
        for source in anonymous
        if verdicts.get(source, Verdict.UNKNOWN) is Verdict.UNKNOWN
    }


def push_of(data: PushReceived) -> Push:
    """Read the push off its event."""
    return Push(
        repository=data.repository.read(),
        ref=Ref(data.ref),
        before=data.before,
        after=data.after,
        default_branch=data.default_branch,
    )


def _record(data: PushReceived) -> DeliveryRecord:
    return DeliveryRecord(
        id=DeliveryId(data.delivery_id or ""),
        hook_id=HookId(data.hook_id or ""),
        forge_delivery_id=data.forge_delivery_id,
        event="push",
        status="accepted",
        reason="tracked",
        message="Some source follows this ref.",
        repository=data.repository.path,
        ref=data.ref,
        before=data.before,
        after=data.after,
        headers={},
        received_at=data.received_at,
        is_by_old_secret=data.is_by_old_secret,
    )
