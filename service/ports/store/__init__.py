"""The database: the only durable state of the service."""

from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from service.ports.store.access import Projects, Tokens, Users
from service.ports.store.bases import Bases, Outdated
from service.ports.store.batches import BATCH
from service.ports.store.builds import (
    BuildLogs,
    Builds,
    Evaluations,
    LogLine,
    Rebuilds,
)
from service.ports.store.configuration import (
    Environments,
    Hooks,
    Launchers,
    Sources,
)
from service.ports.store.deliveries import (
    Deliveries,
    DeliveryRecord,
    Outbox,
)
from service.ports.store.idempotency import IdempotencyKeys, KeptAnswer
from service.ports.store.notifications import Notifications
from service.ports.store.paging import (
    FIRST_PAGE,
    MAX_PAGE,
    Cursor,
    Page,
    PageRequest,
)
from service.ports.store.queue import (
    EvaluationQueue,
    Leases,
    Renewal,
    Sweeps,
)
from service.ports.store.retention import Retention
from service.ports.store.scheduling import Pauses, Schedule
from service.ports.store.statistics import States, Statistics
from service.ports.store.upstream import (
    UpstreamBuild,
    UpstreamBuilds,
    UpstreamEnvironment,
    UpstreamEnvironments,
    UpstreamToken,
    UpstreamTokens,
)

__all__ = [
    "BATCH",
    "FIRST_PAGE",
    "LEADER",
    "LOCK_SCHEDULE",
    "MAX_PAGE",
    "SETTINGS",
    "Bases",
    "BuildLogs",
    "Builds",
    "Cursor",
    "Deliveries",
    "DeliveryRecord",
    "Environments",
    "EvaluationQueue",
    "Evaluations",
    "Hooks",
    "IdempotencyKeys",
    "KeptAnswer",
    "Launchers",
    "Leases",
    "LogLine",
    "Notifications",
    "Outbox",
    "Outdated",
    "Page",
    "PageRequest",
    "Pauses",
    "Projects",
    "Rebuilds",
    "Renewal",
    "Retention",
    "Schedule",
    "Sources",
    "States",
    "Statistics",
    "Store",
    "Sweeps",
    "Tokens",
    "Transaction",
    "UpstreamBuild",
    "UpstreamBuilds",
    "UpstreamEnvironment",
    "UpstreamEnvironments",
    "UpstreamToken",
    "UpstreamTokens",
    "Users",
]

SETTINGS: Final = "settings"
"""The name of the fingerprint of an operator's build settings."""
LEADER: Final = "leader"
"""The lease of the consumer that drives the builder, and sweeps."""
LOCK_SCHEDULE: Final = "schedule"
"""The lock of the scheduling decision: which builds start, stop or serve rebuilds."""


class Transaction(Protocol):
    """The repositories of one transaction."""

    @property
    def evaluation_queue(self) -> EvaluationQueue: ...
    @property
    def hooks(self) -> Hooks: ...
    @property
    def sources(self) -> Sources: ...
    @property
    def launchers(self) -> Launchers: ...
    @property
    def environments(self) -> Environments: ...
    @property
    def pauses(self) -> Pauses: ...
    @property
    def evaluations(self) -> Evaluations: ...
    @property
    def rebuilds(self) -> Rebuilds: ...
    @property
    def bases(self) -> Bases: ...
    @property
    def builds(self) -> Builds: ...
    @property
    def upstream_builds(self) -> UpstreamBuilds: ...
    @property
    def upstream_environments(self) -> UpstreamEnvironments: ...
    @property
    def upstream_tokens(self) -> UpstreamTokens: ...
    @property
    def schedule(self) -> Schedule: ...
    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def retention(self) -> Retention: ...
    @property
    def state(self) -> States: ...
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
    @property
    def projects(self) -> Projects: ...
    @property
    def users(self) -> Users: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def notifications(self) -> Notifications: ...


class Store(Protocol):
    """The database: the only durable state of the service."""

    def transaction(self, *locks: str) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction: the end of the block commits, an exception rolls back.

        While the block runs, no other transaction holds any of the named locks, in
        any process that shares the database.

        Raises:
            TransientError: The database did not answer or was too busy.
        """
        ...

    def reading(
        self, *, is_single: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        """Begin a read-only transaction, which no writer blocks.

        Args:
            is_single: Whether one query is all, or each may see its own moment: then
                no transaction is begun and ended around it, at half the cost.
        """
        ...

    async def ping(self) -> None:
        """Check that the database answers.

        Raises:
            TransientError: The database does not answer.
        """
        ...
