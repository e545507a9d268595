"""The transactional outbox: events to be published after their commit."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from service.adapters.store.statements import Statements, Values
from service.adapters.store.tables.operation import outbox
from service.events.envelope import Event

__all__ = ["SqlOutbox"]


class SqlOutbox:
    """Implement the port `Outbox`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements
        self._has_grown = False
        self._unwritten: list[Values] = []

    @property
    def has_grown(self) -> bool:
        return self._has_grown

    async def add(self, events: Iterable[Event]) -> None:
        self._unwritten += [{"event": event.to_bytes().decode()} for event in events]
        # Read after the commit by `CommitNotifyingStore`: a commit without events must
        # not wake the relay, which would look into an empty outbox for each delivery.
        self._has_grown = self._has_grown or bool(self._unwritten)

    async def write(self) -> None:
        """Write what was added: once, right before the commit."""
        await self._run.add_all(outbox, self._unwritten)
        self._unwritten = []

    async def peek(self, *, limit: int) -> Sequence[tuple[int, Event]]:
        await self.write()
        query = select(outbox).order_by(outbox.c.place).limit(limit)
        return [
            (row["place"], Event.from_bytes(row["event"]))
            for row in await self._run.rows(query)
        ]

    async def remove(self, ids: Iterable[int]) -> None:
        await self._run.remove_each(outbox.c.place, ids)
