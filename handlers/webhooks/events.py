"""The events that pushes become: one for every arrival or replay, or for a few."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Final, Self

from msgspec import Struct

from handlers.webhooks.receipt import Admitted
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.domain.push import Push
from service.events.envelope import Event
from service.events.models import ArrivalData, PushReceived, RepositoryData
from service.events.trace import TraceContext
from service.forges.changed_paths import MAX_PATHS, may_be_read, read_changed_paths
from service.ports.store import DeliveryRecord
from service.ports.time import Ids

__all__ = ["Arrival", "event_of", "events_of_refs", "replay"]

_MAX_BODIES: Final = 4
"""Bodies of an event's deliveries that are read for what they changed, newest first."""


# No model of the event: of those that share one, most become a few fields of it.
class Arrival(Struct, frozen=True, kw_only=True):
    """A push that was delivered."""

    push: Push
    delivery_id: DeliveryId
    hook_id: HookId
    forge_delivery_id: str | None
    is_by_old_secret: bool
    received_at: datetime
    body: bytes

    @classmethod
    def of(cls, admitted: Admitted, push: Push, *, delivery_id: DeliveryId) -> Self:
        """Describe the arrival of a push, one of a delivery."""
        return cls(
            push=push,
            delivery_id=delivery_id,
            hook_id=admitted.hook.id,
            forge_delivery_id=admitted.forge_id,
            is_by_old_secret=admitted.is_by_old_secret,
            received_at=admitted.delivery.received_at,
            body=admitted.delivery.body,
        )

    @property
    def key(self) -> Hashable:
        """What arrivals have to have in common to be one event.

        Whatever decides which sources an event is for, and why they are evaluated.
        """
        push = self.push
        return push.repository, push.ref, push.default_branch, push.suggestion


def event_of(arrivals: Sequence[Arrival], *, ids: Ids) -> Event:
    """Build one event of arrivals of one ref, in the order in which they came."""
    return _event_of(arrivals, _changed_paths(arrivals), ids=ids)


def events_of_refs(arrivals: Sequence[Arrival], *, ids: Ids) -> Sequence[Event]:
    """Build an event for each ref that one delivery moved."""
    # Read once: a delivery may move a thousand refs, and has one body.
    paths = _changed_paths(arrivals[:1])
    return [_event_of([arrival], paths, ids=ids) for arrival in arrivals]


def _event_of(
    arrivals: Sequence[Arrival], changed_paths: tuple[str, ...], *, ids: Ids
) -> Event:
    *earlier, newest = arrivals
    push = newest.push
    data = PushReceived(
        repository=RepositoryData.of(push.repository),
        ref=push.ref,
        before=push.before,
        after=push.after,
        default_branch=push.default_branch,
        suggested_number=push.suggestion.number if push.suggestion else None,
        changed_paths=changed_paths,
        trigger="push",
        delivery_id=newest.delivery_id,
        hook_id=newest.hook_id,
        forge_delivery_id=newest.forge_delivery_id,
        is_by_old_secret=newest.is_by_old_secret,
        received_at=newest.received_at,
        earlier=tuple(_earlier(arrival) for arrival in earlier),
    )
    return _event(data, ids=ids)


def _changed_paths(arrivals: Sequence[Arrival]) -> tuple[str, ...]:
    bodies = [arrival.body for arrival in reversed(arrivals[-_MAX_BODIES:])]
    if len(bodies) == 1:
        return read_changed_paths(bodies[0])
    paths = dict.fromkeys(path for body in bodies for path in read_changed_paths(body))
    # What only shows that a directory changed must not displace an earlier definition.
    likely_first = sorted(paths, key=lambda path: not may_be_read(path))
    return tuple(likely_first[:MAX_PATHS])


def _earlier(arrival: Arrival) -> ArrivalData:
    return ArrivalData(
        before=arrival.push.before,
        after=arrival.push.after,
        delivery_id=arrival.delivery_id,
        hook_id=arrival.hook_id,
        forge_delivery_id=arrival.forge_delivery_id,
        is_by_old_secret=arrival.is_by_old_secret,
        received_at=arrival.received_at,
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
