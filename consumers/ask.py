"""push.received → the agenda: which sources are to be looked at.

The ask is durable and costs one transaction; a thousand pushes to a ref are a
thousand asks and very few looks.
"""

from collections.abc import Sequence

from consumers.bell import Bell
from service.domain.agenda import Look, Pace
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.domain.push import Evidence, Push
from service.domain.repository import Ref
from service.domain.source import Source, SourceId
from service.errors import NotFoundError
from service.ports.store import DeliveryRecord, Store, Transaction
from service.ports.time import Clock
from service.wire import Data, Event, PushReceived

__all__ = ["Asker", "push_of"]


class Asker:
    """Note which sources a push asks to be looked at."""

    def __init__(self, *, store: Store, clock: Clock, pace: Pace, bell: Bell) -> None:
        self._store = store
        self._clock = clock
        self._pace = pace
        self._bell = bell

    async def handle(self, event: Event, data: Data) -> None:
        """Take one push.received event."""
        assert isinstance(data, PushReceived)
        async with self._store.transaction() as tx:
            if data.evidence == "push" and data.delivery_id and data.hook_id:
                await tx.deliveries.record([_record(data)])
            for source in await _sources(tx, data):
                await tx.agenda.ask(self._look(source.id, event, data), pace=self._pace)
        self._bell.ring()

    def _look(self, source: SourceId, event: Event, data: PushReceived) -> Look:
        delivery = DeliveryId(data.delivery_id) if data.delivery_id else None
        return Look(
            source_id=source,
            evidence=Evidence(data.evidence),
            delivery_id=delivery,
            rebuild_ids=data.rebuild_ids,
            traceparent=event.traceparent,
            suggested_number=data.suggested_number,
            asked_at=self._clock.now(),
        )


async def _sources(tx: Transaction, data: PushReceived) -> Sequence[Source]:
    if data.source_ids:
        return [it for id_ in data.source_ids if (it := await _find(tx, id_))]
    push = push_of(data)
    candidates = await tx.sources.of_repository(push.repository)
    return [it for it in candidates if it.is_on(push)]


async def _find(tx: Transaction, source: str) -> Source | None:
    try:
        return await tx.sources.get(SourceId(source))
    except NotFoundError:  # removed since somebody asked
        return None


def push_of(data: PushReceived) -> Push:
    """Read the push off its event."""
    return Push(
        repository=data.repository.read(),
        ref=Ref(data.ref or ""),
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
        ref=data.ref or "",
        before=data.before,
        after=data.after,
        headers={},
        received_at=data.received_at,
        is_by_old_secret=data.is_by_old_secret,
    )
