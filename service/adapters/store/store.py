"""The ledger over one database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.agenda import SqlAgenda
from service.adapters.store.bases import SqlBases
from service.adapters.store.builds import SqlBuilds
from service.adapters.store.database import Database
from service.adapters.store.deliveries import SqlDeliveries
from service.adapters.store.evaluations import SqlEvaluations
from service.adapters.store.hooks import SqlHooks
from service.adapters.store.keys import Cipher
from service.adapters.store.launchers import SqlLaunchers
from service.adapters.store.leases import SqlLeases
from service.adapters.store.logs import SqlBuildLogs
from service.adapters.store.outbox import SqlOutbox
from service.adapters.store.rebuilds import SqlRebuilds
from service.adapters.store.sources import SqlSources
from service.adapters.store.statements import Statements
from service.adapters.store.sweeps import SqlSweeps
from service.ports.store import Transaction

__all__ = ["SqlStore"]


class SqlStore:
    """Implements the port `Store`.

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
            yield self._on(connection, is_writing=True)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        async with self._database.reading() as connection:
            yield self._on(connection, is_writing=False)

    async def ping(self) -> None:
        await self._database.ping()

    def _on(self, connection: AsyncConnection, *, is_writing: bool) -> Transaction:
        statements = Statements(connection, is_writing=is_writing)
        return _SqlTransaction(statements, cipher=self._database.cipher)


class _SqlTransaction:
    """Implements the port `Transaction`."""

    def __init__(self, statements: Statements, *, cipher: Cipher) -> None:
        self.agenda = SqlAgenda(statements)
        self.hooks = SqlHooks(statements, cipher=cipher)
        self.sources = SqlSources(statements)
        self.launchers = SqlLaunchers(statements)
        self.evaluations = SqlEvaluations(statements)
        self.rebuilds = SqlRebuilds(statements)
        self.builds = SqlBuilds(statements)
        self.bases = SqlBases(statements)
        self.deliveries = SqlDeliveries(statements)
        self.sweeps = SqlSweeps(statements)
        self.leases = SqlLeases(statements)
        self.outbox = SqlOutbox(statements)
        self.logs = SqlBuildLogs(statements)
