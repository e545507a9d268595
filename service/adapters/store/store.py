"""The ledger over one database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.access.idempotency import SqlIdempotencyKeys
from service.adapters.store.access.notifications import SqlNotifications
from service.adapters.store.access.projects import SqlProjects
from service.adapters.store.access.users import SqlTokens, SqlUsers
from service.adapters.store.batches.schedule import SqlSchedule
from service.adapters.store.database.database import Database
from service.adapters.store.encryption import Cipher
from service.adapters.store.repositories.base_images import SqlBases
from service.adapters.store.repositories.builds import SqlBuilds
from service.adapters.store.repositories.configuration.environments import (
    SqlEnvironments,
)
from service.adapters.store.repositories.configuration.launchers import SqlLaunchers
from service.adapters.store.repositories.configuration.pauses import SqlPauses
from service.adapters.store.repositories.deliveries import SqlDeliveries
from service.adapters.store.repositories.evaluation_queue import SqlEvaluationQueue
from service.adapters.store.repositories.evaluations import SqlEvaluations
from service.adapters.store.repositories.hooks import SqlHooks
from service.adapters.store.repositories.leases import SqlLeases
from service.adapters.store.repositories.logs import SqlBuildLogs
from service.adapters.store.repositories.outbox import SqlOutbox
from service.adapters.store.repositories.rebuilds import SqlRebuilds
from service.adapters.store.repositories.sources import SqlSources
from service.adapters.store.repositories.state import SqlStates
from service.adapters.store.repositories.statistics import SqlStatistics
from service.adapters.store.repositories.sweeps import SqlSweeps
from service.adapters.store.retention.usage import SqlRetention
from service.adapters.store.statements import Statements
from service.adapters.store.upstream.builds import SqlUpstreamBuilds
from service.adapters.store.upstream.environments import SqlUpstreamEnvironments
from service.adapters.store.upstream.tokens import SqlUpstreamTokens
from service.ports.store import Transaction

__all__ = ["SqlStore"]


class SqlStore:
    """Implement the port `Store`.

    A transaction that writes holds the rows it gets by id and those it gets of a
    source, a build or an evaluation: nobody changes them before it ends. Adding what
    is there already raises ConflictError, saving what is not there NotFoundError;
    removing what is not there does nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def transaction(self, *locks: str) -> AsyncIterator[Transaction]:
        async with self._database.writing(*locks) as connection:
            tx = self._on(connection, is_writing=True)
            yield tx
            await tx.outbox.write()

    @asynccontextmanager
    async def reading(self, *, is_single: bool = False) -> AsyncIterator[Transaction]:
        async with self._database.reading(is_single=is_single) as connection:
            tx = self._on(connection, is_writing=False)
            yield tx
            # Refused as every other write: an event that was added would be lost.
            await tx.outbox.write()

    async def ping(self) -> None:
        await self._database.ping()

    def _on(
        self, connection: AsyncConnection, *, is_writing: bool
    ) -> "_SqlTransaction":
        statements = Statements(connection, is_writing=is_writing)
        return _SqlTransaction(statements, cipher=self._database.cipher)


class _SqlTransaction:
    """Implement the port `Transaction`."""

    def __init__(self, statements: Statements, *, cipher: Cipher) -> None:
        self.evaluation_queue = SqlEvaluationQueue(statements)
        self.hooks = SqlHooks(statements, cipher=cipher)
        self.sources = SqlSources(statements)
        self.launchers = SqlLaunchers(statements)
        self.environments = SqlEnvironments(statements)
        self.pauses = SqlPauses(statements)
        self.evaluations = SqlEvaluations(statements)
        self.rebuilds = SqlRebuilds(statements)
        self.builds = SqlBuilds(statements)
        self.upstream_builds = SqlUpstreamBuilds(statements)
        self.upstream_environments = SqlUpstreamEnvironments(statements)
        self.upstream_tokens = SqlUpstreamTokens(statements, cipher=cipher)
        self.schedule = SqlSchedule(statements)
        self.retention = SqlRetention(statements)
        self.state = SqlStates(statements)
        self.bases = SqlBases(statements)
        self.idempotency_keys = SqlIdempotencyKeys(statements)
        self.statistics = SqlStatistics(statements)
        self.deliveries = SqlDeliveries(statements)
        self.sweeps = SqlSweeps(statements)
        self.leases = SqlLeases(statements)
        self.outbox = SqlOutbox(statements)
        self.logs = SqlBuildLogs(statements)
        self.projects = SqlProjects(statements)
        self.users = SqlUsers(statements)
        self.tokens = SqlTokens(statements)
        self.notifications = SqlNotifications(statements, cipher=cipher)
