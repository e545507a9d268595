"""The events that pushes become: one for every arrival, and for every replay."""

import hashlib
from datetime import datetime

from handlers.receipt import Admitted
from service.domain.push import Push
from service.ports.store import DeliveryRecord
from service.ports.time import Ids
from service.wire import Event, PushReceived, RepositoryData

__all__ = ["arrival", "replay"]


def arrival(admitted: Admitted, push: Push, *, ids: Ids) -> Event:
    """Say that a forge told of a push."""
    data = PushReceived(
        repository=RepositoryData.of(push.repository),
        ref=push.ref,
        before=push.before,
        after=push.after,
        default_branch=push.default_branch,
        suggested_number=push.suggestion.number if push.suggestion else None,
        evidence="push",
        delivery_id=admitted.id,
        hook_id=admitted.hook.id,
        forge_delivery_id=admitted.forge_id,
        is_by_old_secret=admitted.is_by_old_secret,
        received_at=admitted.delivery.received_at,
    )
    return _event(data, ids=ids)


def replay(record: DeliveryRecord, push: Push, *, ids: Ids, now: datetime) -> Event:
    """Say that somebody plays a recorded delivery again."""
    data = PushReceived(
        repository=RepositoryData.of(push.repository),
        ref=push.ref,
        before=push.before,
        after=push.after,
        evidence="replay",
        delivery_id=record.id,
        hook_id=record.hook_id,
        forge_delivery_id=record.forge_delivery_id,
        received_at=now,
    )
    return _event(data, ids=ids)


def _event(data: PushReceived, *, ids: Ids) -> Event:
    # Every arrival is an event of its own: who sends again wants a look.
    unique = f"{data.delivery_id}-{ids.new()}"
    return Event.of(
        data,
        id=unique,
        time=data.received_at,
        subject=data.repository.path,
        traceparent=_traceparent(unique),
    )


def _traceparent(unique: str) -> str:
    """Begin a trace. The forge's own header is a stranger's and is not taken over.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    digest = hashlib.sha256(unique.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"
