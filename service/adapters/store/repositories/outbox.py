"""The transactional outbox: events to be published after their commit."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from service.adapters.store.statements import Statements
from service.adapters.store.tables.operation import outbox
from service.events.envelope import Event

__all__ = ["SqlOutbox"]


class SqlOutbox:
    """Implement the port `Outbox`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements
        self._has_grown = False

    @property
    def has_grown(self) -> bool:
        return self._has_grown

    async def add(self, events: Iterable[Event]) -> None:
        rows = [{"event": event.to_bytes().decode()} for event in events]
        await self._run.add_all(outbox, rows)
        # Read after the commit by `CommitNotifyingStore`: a commit without events must
        # not wake the relay, which would look into an empty outbox for each delivery.
        self._has_grown = self._has_grown or bool(rows)

    async def peek(self, *, limit: int) -> Sequence[tuple[int, Event]]:
        query = select(outbox).order_by(outbox.c.place).limit(limit)
        return [
            (row["place"], Event.from_bytes(row["event"]))
            for row in await self._run.rows(query)
        ]

    async def remove(self, ids: Iterable[int]) -> None:
        await self._run.remove_each(outbox.c.place, ids)
