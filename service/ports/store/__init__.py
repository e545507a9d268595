"""The ledger: the one place where state is durable."""

from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from service.ports.store.bases import Bases, Outdated
from service.ports.store.paging import FIRST_PAGE, MAX_PAGE, Page, PageRequest
from service.ports.store.traffic import (
    Deliveries,
    DeliveryRecord,
    Outbox,
)
from service.ports.store.turns import (
    Agenda,
    Leases,
    Sweeps,
)
from service.ports.store.wanted import (
    Hooks,
    Launchers,
    Sources,
)
from service.ports.store.work import (
    BuildLogs,
    Builds,
    Evaluations,
    LogLine,
    Rebuilds,
)

__all__ = [
    "FIRST_PAGE",
    "LOCK_SCHEDULE",
    "MAX_PAGE",
    "Agenda",
    "Bases",
    "BuildLogs",
    "Builds",
    "Deliveries",
    "DeliveryRecord",
    "Evaluations",
    "Hooks",
    "Launchers",
    "Leases",
    "LogLine",
    "Outbox",
    "Outdated",
    "Page",
    "PageRequest",
    "Rebuilds",
    "Sources",
    "Store",
    "Sweeps",
    "Transaction",
]

LOCK_SCHEDULE: Final = "schedule"
"""Held while deciding which builds start, stop or serve which rebuilds."""


class Transaction(Protocol):
    """All aggregates of one transaction."""

    @property
    def agenda(self) -> Agenda: ...
    @property
    def hooks(self) -> Hooks: ...
    @property
    def sources(self) -> Sources: ...
    @property
    def launchers(self) -> Launchers: ...
    @property
    def evaluations(self) -> Evaluations: ...
    @property
    def rebuilds(self) -> Rebuilds: ...
    @property
    def bases(self) -> Bases: ...
    @property
    def builds(self) -> Builds: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def sweeps(self) -> Sweeps: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def logs(self) -> BuildLogs: ...


class Store(Protocol):
    """The ledger: the one place where state is durable."""

    def transaction(self, *locks: str) -> AbstractAsyncContextManager[Transaction]:
        """Begin; commit at the end of the block, roll back when it raises.

        While the block runs, no other transaction holds any of the named locks, in
        any process that shares the database.

        Raises:
            TransientError: The database did not answer or was too busy.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction that only reads; it waits for no writer."""
        ...

    async def ping(self) -> None:
        """Return when the database answers.

        Raises:
            TransientError: It does not.
        """
        ...
