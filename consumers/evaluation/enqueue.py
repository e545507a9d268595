"""push.received, evaluation.requested → the queue of sources to evaluate.

The ask is durable and costs one transaction; a thousand pushes to a ref are a
thousand requests and very few evaluations.
"""

from collections.abc import Sequence
from dataclasses import replace

from consumers.loops.wakeup import Wakeup
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import Verdict
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.hook import HookId
from service.domain.push import Push, Trigger
from service.domain.repository import Ref
from service.domain.source import Access, Source, SourceId
from service.errors import NotFoundError
from service.events.envelope import Event
from service.events.models import (
    ArrivalData,
    Data,
    EvaluationRequested,
    PushReceived,
)
from service.ports.store import DeliveryRecord, Store, Transaction
from service.ports.time import Clock

__all__ = ["EvaluationEnqueuer", "find_followers", "push_of"]


# One per consuming process, called for many messages at once. Safe to repeat: a message
# that comes again adds a request for the same source, which the same evaluation
# settles.
class EvaluationEnqueuer:
    """Enqueue the sources that a push asks to be evaluated."""

    def __init__(
        self, *, store: Store, clock: Clock, debounce: Debounce, wakeup: Wakeup
    ) -> None:
        self._store = store
        self._clock = clock
        self._debounce = debounce
        self._wakeup = wakeup

    async def handle(self, event: Event, data: Data) -> None:
        """Enqueue the sources of one event."""
        assert isinstance(data, PushReceived | EvaluationRequested)
        async with self._store.transaction() as tx:
            # The receiver writes delivery records after its answer and may lose them.
            # The event is durable, so the record that the evaluation refers to is
            # written from it, in the same transaction as the request.
            if isinstance(data, PushReceived):
                await _record_delivery(tx, data)
            for source in await _sources(tx, data):
                await tx.evaluation_queue.enqueue(
                    self._request(source.id, event, data),
                    debounce=self._debounce,
                    also=_earlier(data),
                )
        # After the commit: a worker that woke up before would find nothing due and
        # sleep for a whole POLL.
        self._wakeup.notify()

    def _request(
        self, source: SourceId, event: Event, data: PushReceived | EvaluationRequested
    ) -> EvaluationRequest:
        request = EvaluationRequest(
            source_id=source,
            trigger=Trigger(data.trigger),
            traceparent=event.traceparent,
            requested_at=self._clock.now(),
        )
        if isinstance(data, EvaluationRequested):
            return replace(request, rebuild_ids=data.rebuild_ids)
        return replace(
            request,
            delivery_id=DeliveryId(data.delivery_id) if data.delivery_id else None,
            suggested_number=data.suggested_number,
        )


async def _record_delivery(tx: Transaction, data: PushReceived) -> None:
    # A replay names a delivery that is on record already; written again it would be
    # counted as another arrival.
    if data.trigger == "push" and data.delivery_id and data.hook_id:
        records = [_record(data)]
        records += [_record(_alone(data, arrival)) for arrival in data.earlier]
        await tx.deliveries.record(records)


def _alone(data: PushReceived, arrival: ArrivalData) -> PushReceived:
    """Return the event that an earlier arrival would have been by itself."""
    own = {name: getattr(arrival, name) for name in ArrivalData.model_fields}
    return data.model_copy(update={**own, "earlier": ()})


def _earlier(data: PushReceived | EvaluationRequested) -> Sequence[DeliveryId]:
    if isinstance(data, EvaluationRequested):
        return ()
    return [DeliveryId(arrival.delivery_id) for arrival in data.earlier]


async def _sources(
    tx: Transaction, data: PushReceived | EvaluationRequested
) -> Sequence[Source]:
    if isinstance(data, EvaluationRequested):
        return [source for id_ in data.source_ids if (source := await _find(tx, id_))]
    # Matched here again and not taken from the receiver: its cache may be two seconds
    # old, and sources that were added since have to get this push.
    return await find_followers(tx, push_of(data))


async def find_followers(tx: Transaction, push: Push) -> Sequence[Source]:
    """Return the sources that a push asks to be evaluated."""
    candidates = await tx.sources.of_repository(push.repository)
    return [
        candidate
        for candidate in candidates
        if candidate.is_on(push) and await _may_be_told(tx, candidate)
    ]


async def _may_be_told(tx: Transaction, source: Source) -> bool:
    """Return whether the followers of a source may know that it was pushed to.

    Without credentials: where the last look found it. For a private repository an
    evaluation by a push would tell that it exists, when it is worked on, and by the
    delivery who pushed what.
    """
    if source.access is Access.CREDENTIAL:
        return True
    for last in await tx.evaluations.of_source(source.id, limit=1):
        return last.comparison.verdict is not Verdict.UNKNOWN
    return False


async def _find(tx: Transaction, source: str) -> Source | None:
    try:
        return await tx.sources.get(SourceId(source))
    except NotFoundError:  # removed since somebody asked
        return None


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
