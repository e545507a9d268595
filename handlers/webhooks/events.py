"""The events that pushes become: one for every arrival or replay, or for a few."""

from collections.abc import Sequence
from datetime import datetime

from handlers.webhooks.receipt import Admitted
from service.domain.delivery import DeliveryId
from service.domain.push import Push
from service.events.envelope import Event
from service.events.models import ArrivalData, PushReceived, RepositoryData
from service.events.trace import TraceContext
from service.forges.changed_paths import MAX_PATHS, read_changed_paths
from service.ports.store import DeliveryRecord
from service.ports.time import Ids

__all__ = ["arrival", "event_of", "replay"]


def arrival(admitted: Admitted, push: Push, *, delivery_id: DeliveryId) -> PushReceived:
    """Describe the arrival of a push."""
    return PushReceived(
        repository=RepositoryData.of(push.repository),
        ref=push.ref,
        before=push.before,
        after=push.after,
        default_branch=push.default_branch,
        suggested_number=push.suggestion.number if push.suggestion else None,
        changed_paths=read_changed_paths(admitted.delivery.body),
        trigger="push",
        delivery_id=delivery_id,
        hook_id=admitted.hook.id,
        forge_delivery_id=admitted.forge_id,
        is_by_old_secret=admitted.is_by_old_secret,
        received_at=admitted.delivery.received_at,
    )


def event_of(arrivals: Sequence[PushReceived], *, ids: Ids) -> Event:
    """Build one event of arrivals of one ref, in the order in which they came."""
    *earlier, newest = arrivals
    if earlier:
        others = tuple(_earlier(data) for data in earlier)
        paths = dict.fromkeys(
            path for data in reversed(arrivals) for path in data.changed_paths
        )
        update = {"earlier": others, "changed_paths": tuple(paths)[:MAX_PATHS]}
        newest = newest.model_copy(update=update)
    return _event(newest, ids=ids)


def _earlier(data: PushReceived) -> ArrivalData:
    return ArrivalData(
        before=data.before,
        after=data.after,
        delivery_id=data.delivery_id or "",
        hook_id=data.hook_id or "",
        forge_delivery_id=data.forge_delivery_id,
        is_by_old_secret=data.is_by_old_secret,
        received_at=data.received_at,
    )


def replay(record: DeliveryRecord, push: Push, *, ids: Ids, now: datetime) -> Event:
    """Build the event of a delivery that is replayed."""
    data = PushReceived(
        repository=RepositoryData.of(push.repository),
        ref=push.ref,
        before=push.before,
        after=push.after,
        trigger="replay",
        delivery_id=record.id,
        hook_id=record.hook_id,
        forge_delivery_id=record.forge_delivery_id,
        received_at=now,
    )
    return _event(data, ids=ids)


def _event(data: PushReceived, *, ids: Ids) -> Event:
    # Every arrival is in an event of its own or in one with others, never left out:
    # who sends again wants an evaluation.
    # The embedded bus drops events of an id that it knows, so an id of the delivery
    # alone would swallow the Redeliver of a person.
    unique = f"{data.delivery_id}-{ids.new()}"
    return Event.of(
        data,
        id=unique,
        time=data.received_at,
        subject=data.repository.path,
        # The forge's own header is a stranger's and is not taken over.
        traceparent=TraceContext.begin(unique).to_traceparent(),
    )
