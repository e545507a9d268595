"""The ports of the delivery log and the outbox."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.events.envelope import Event
from service.ports.store.paging import Cursor

__all__ = [
    "Deliveries",
    "DeliveryRecord",
    "Outbox",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """An entry of the delivery log; secrets in its headers are redacted."""

    id: DeliveryId
    hook_id: HookId
    forge_delivery_id: str | None
    event: str
    """The forge's name of the event."""
    status: str
    """`accepted`, `ignored`, `duplicate` or `refused`."""
    reason: str
    message: str
    repository: str
    ref: str
    before: str
    after: str
    headers: Mapping[str, str]
    received_at: datetime
    count: int = 1
    """How often it was delivered."""
    is_by_old_secret: bool = False
    """Whether only the secret that is being rotated out authenticated it."""


class Deliveries(Protocol):
    """The delivery log."""

    async def record(self, records: Iterable[DeliveryRecord]) -> None:
        """Write records.

        A known id increments the count, unless it is the same arrival. Only an accepted
        delivery overwrites the other fields, and a record without headers keeps the
        stored ones.
        """
        ...

    async def get(self, delivery: DeliveryId) -> DeliveryRecord:
        """Raises: NotFoundError."""
        ...

    async def some(self, ids: Collection[DeliveryId]) -> Sequence[DeliveryRecord]:
        """Return those that are on record."""
        ...

    async def find(self, text: str) -> Sequence[DeliveryRecord]:
        """Return records by our id or the forge's delivery id, newest first."""
        ...

    async def list(
        self,
        *,
        hook: HookId | None = None,
        limit: int = 50,
        after: Cursor | None = None,
        visible: ProjectFilter = EVERYTHING,
    ) -> Sequence[DeliveryRecord]:
        """Newest first, by the time of their arrival; only those behind a cursor.

        With a filter, those that had the source of a visible launcher evaluated.
        """
        ...

    async def unevaluated(
        self,
        *,
        since: datetime,
        before: datetime,
        limit: int = 500,
        after: Cursor | None = None,
    ) -> Sequence[DeliveryRecord]:
        """Return accepted deliveries that no evaluation covers, oldest first.

        Args:
            since: The earliest arrival.
            before: Later than the latest arrival.
            limit: At most so many.
            after: Only those behind it.
        """
        ...

    async def newest(self, hooks: Iterable[HookId]) -> Mapping[HookId, DeliveryRecord]:
        """Return the newest delivery of each of some hooks, in one query."""
        ...

    async def trim(self, hook: HookId, *, keep: int) -> None:
        """Delete all but the newest `keep` records of a hook."""
        ...


class Outbox(Protocol):
    """Events that are published once the transaction that added them is committed."""

    @property
    def has_grown(self) -> bool:
        """Return whether this transaction added events."""
        ...

    async def add(self, events: Iterable[Event]) -> None: ...
    async def peek(self, *, limit: int) -> Sequence[tuple[int, Event]]:
        """Return the oldest events, each with its outbox id, in order."""
        ...

    async def remove(self, ids: Iterable[int]) -> None: ...
