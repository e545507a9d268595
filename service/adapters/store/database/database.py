"""One open database: its transactions, for the store and the embedded bus alike."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.database.engines import DatabaseEngines
from service.adapters.store.database.errors import translate_errors
from service.adapters.store.database.locks import take_locks
from service.adapters.store.database.schema import expect_current, is_current
from service.adapters.store.database.time_limits import lift_time_limits
from service.adapters.store.encryption import Cipher
from service.adapters.store.migrations.concurrent_indexes import (
    IndexChanges,
    apply_index_changes,
    declared_indexes,
)
from service.adapters.store.tables.bus import bus_queue
from service.adapters.store.tables.evaluations import appointments
from service.domain.hook import Secret
from service.errors import PermanentError, TransientError

__all__ = [
    "Database",
    "database_engines",
    "make_current",
    "open_database",
    "sqlite_path",
]

_EXPECTED: Final = (
    "expected sqlite:///<path of a file> or postgresql://<user>@<host>/<name>"
)


class Database:
    """Transactions on one SQLite file or one PostgreSQL schema.

    `open_database` makes it. The store and the embedded bus are both built from one,
    so that they share its connections and, in SQLite, its one writer.
    """

    def __init__(self, *, engines: DatabaseEngines, cipher: Cipher) -> None:
        self._engines = engines
        self._cipher = cipher
        self._is_closed = False

    @property
    def cipher(self) -> Cipher:
        """What encrypts secrets at rest."""
        return self._cipher

    @property
    def is_shared(self) -> bool:
        """Return whether other processes may have it open too."""
        return self._engines.writers.dialect.name == "postgresql"

    @asynccontextmanager
    async def writing(self, *locks: str) -> AsyncIterator[AsyncConnection]:
        """Begin; commit at the end of the block, roll back when it raises.

        Raises:
            TransientError: The database did not answer or was too busy.
            ConflictError: A rule of the tables forbids it.
        """
        self._expect_open()
        with translate_errors():
            async with self._engines.writers.begin() as connection:
                # SQLite has one writer: every lock is held by whoever writes.
                if self.is_shared:
                    await take_locks(connection, locks)
                yield connection

    @asynccontextmanager
    async def reading(
        self, *, is_single: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """Begin a transaction that sees one state, changes nothing, waits for none.

        Args:
            is_single: Whether each statement may see its own moment instead.
        """
        self._expect_open()
        engines = self._engines
        with translate_errors():
            engine = engines.single_readers if is_single else engines.readers
            async with engine.begin() as connection:
                yield connection

    async def ping(self) -> None:
        """Return when the database answers.

        Raises:
            TransientError: It does not.
        """
        async with self.reading(is_single=True) as connection:
            await connection.execute(select(1))

    def close(self) -> None:
        """Begin no transaction any more; `open_database` calls it."""
        self._is_closed = True

    def _expect_open(self) -> None:
        # The engine would connect anew, to a file that another process may own by now.
        if self._is_closed:
            raise TransientError("the database is closed")


@asynccontextmanager
async def open_database(
    url: str, *, keys: Sequence[Secret], migrates: bool = True
) -> AsyncIterator[Database]:
    """Open a database, make or migrate its tables, and close it after the block.

    Args:
        url: `sqlite:///path` (four slashes for an absolute path) or
            `postgresql://user:password@host:port/name?sslmode=…`.
        keys: What hook secrets are encrypted with, newest first; see `key_file`.
        migrates: Whether to make the tables this version's. Where several processes
            share a database, `relaunch migrate` does it, and they start with no other.

    Raises:
        TransientError: The database does not answer.
        PermanentError: The URL or a key is wrong, another process owns the file, or
            another version of the service made the tables.
    """
    cipher = Cipher(keys)
    async with database_engines(url) as engines:
        database = Database(engines=engines, cipher=cipher)
        # Under a lock: of several processes that start together, one migrates, and the
        # others find nothing left to do.
        changes = IndexChanges()
        async with database.writing("migration") as connection:
            if migrates:
                changes = await connection.run_sync(make_current)
            else:
                await connection.run_sync(expect_current)
            # SQLite has one owner, so every claim that is found belongs to a process
            # that ended. In PostgreSQL it may be another process at work.
            if not database.is_shared:
                await _release_claims(connection)
        await apply_index_changes(engines.writers, changes)
        try:
            yield database
        finally:
            database.close()


def make_current(connection: Connection) -> IndexChanges:
    """Migrate the tables; what migrates is only loaded where there is something to do.

    Returns the changes of indexes that are left for after the commit.

    Raises:
        PermanentError: A newer version of the service made them.
    """
    if is_current(connection):
        return declared_indexes()
    lift_time_limits(connection)
    from service.adapters.store.database.migration import migrate  # noqa: PLC0415

    return migrate(connection)


def database_engines(url: str) -> AbstractAsyncContextManager[DatabaseEngines]:
    """Choose by the scheme; each database's driver is only loaded where it is used.

    Messages leave out the URL: it may hold a password.
    """
    scheme, _, rest = url.partition("://")
    # `postgresql+asyncpg` is what the library calls it; libpq does not know it.
    scheme = scheme.partition("+")[0]
    if scheme in {"postgresql", "postgres"}:
        from service.adapters.store.database.postgresql import (  # noqa: PLC0415
            postgresql_engines,
        )

        return postgresql_engines(f"{scheme}://{rest}")
    path = sqlite_path(url)
    if path is not None:
        from service.adapters.store.database.sqlite import sqlite_engines  # noqa: PLC0415

        return sqlite_engines(path)
    raise PermanentError(f"the database URL is none that is known; {_EXPECTED}")


def sqlite_path(url: str) -> Path | None:
    """Return the file that a URL names; None when it names none of SQLite's."""
    scheme, _, rest = url.partition("://")
    path = rest.removeprefix("/")
    if scheme.partition("+")[0] != "sqlite" or not rest.startswith("/"):
        return None
    return None if path in {"", ":memory:"} else Path(path)


async def _release_claims(connection: AsyncConnection) -> None:
    """Give back every claim of the process that owned the database before."""
    await connection.execute(update(appointments).values(claimed_until=None))
    # Attempts are not counted up: the end of a process is no failure of the messages it
    # held.
    await connection.execute(
        update(bus_queue).values(claimed_by=None, claimed_until=None)
    )
