"""What came in from forges, and what is to go out to the bus."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.wire import Event

__all__ = [
    "Deliveries",
    "DeliveryRecord",
    "Outbox",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery, on record; secrets in its headers are masked."""

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
    """Whether only the secret that is being rotated out proved it."""


class Deliveries(Protocol):
    """What arrived."""

    async def record(self, records: Iterable[DeliveryRecord]) -> None:
        """Write records.

        One whose id is known counts up, unless it is the same arrival; only an
        accepted one changes what is said of it, and one without headers leaves those
        that are there.
        """
        ...

    async def get(self, delivery: DeliveryId) -> DeliveryRecord:
        """Raises: NotFoundError."""
        ...

    async def find(self, text: str) -> Sequence[DeliveryRecord]:
        """Return those whose id or forge delivery id is the text, newest first."""
        ...

    async def list(
        self, *, hook: HookId | None = None, limit: int = 50
    ) -> Sequence[DeliveryRecord]:
        """Newest first."""
        ...

    async def newest(self, hooks: Iterable[HookId]) -> Mapping[HookId, DeliveryRecord]:
        """Return the newest delivery of each of some hooks, in one query."""
        ...

    async def trim(self, *, keep: int) -> None:
        """Forget all but the newest `keep` of every hook."""
        ...


class Outbox(Protocol):
    """Events that a transaction wants published, once it is committed."""

    @property
    def has_grown(self) -> bool:
        """Say whether this transaction added events."""
        ...

    async def add(self, events: Iterable[Event]) -> None: ...
    async def take(self, *, limit: int) -> Sequence[tuple[int, Event]]:
        """Return the oldest events, each with its place, in order."""
        ...

    async def remove(self, places: Iterable[int]) -> None: ...
