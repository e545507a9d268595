"""Migrate a database by itself: nothing else of the service is opened on it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.database.database import database_engines, sqlite_path
from service.adapters.store.database.errors import translate_errors
from service.adapters.store.database.locks import take_locks
from service.adapters.store.database.schema import newest_version, schema_version

__all__ = [
    "SchemaVersions",
    "downgrade_database",
    "open_alone",
    "read_schema",
    "upgrade_database",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaVersions:
    """Which version of the tables a database had, has, and should have."""

    before: str | None
    """None where there were no tables."""
    now: str | None
    wanted: str
    """This version's."""

    @property
    def is_current(self) -> bool:
        """Return whether processes of this version start."""
        return self.now == self.wanted


async def upgrade_database(url: str) -> SchemaVersions:
    """Bring the tables to this version's state; nothing happens where they are in it.

    Raises:
        TransientError: The database does not answer.
        PermanentError: The URL is wrong, another process owns the file, or a newer
            version of the service made the tables.
    """
    from service.adapters.store.database.migration import migrate  # noqa: PLC0415

    return await _change(url, migrate)


async def downgrade_database(url: str) -> SchemaVersions:
    """Take the last migration back, so that the version before starts again.

    Raises:
        TransientError: The database does not answer.
        PermanentError: As `upgrade_database`; or there is nothing to take back, or the
            version before could not read what is in the tables.
    """
    from service.adapters.store.database.migration import migrate_down  # noqa: PLC0415

    return await _change(url, migrate_down)


async def read_schema(url: str) -> SchemaVersions:
    """Read which version the tables have; nothing is changed.

    Raises:
        TransientError: The database does not answer.
        PermanentError: The URL is wrong, or another process owns the file.
    """
    found = None if await asyncio.to_thread(_is_missing, url) else await _read(url)
    return SchemaVersions(before=found, now=found, wanted=newest_version())


def _is_missing(url: str) -> bool:
    """Return whether to open it would make a file."""
    path = sqlite_path(url)
    return path is not None and not path.exists()


async def _read(url: str) -> str | None:
    async with database_engines(url) as engines:
        with translate_errors():
            async with engines.readers.connect() as connection:
                return await connection.run_sync(schema_version)


async def _change(url: str, change: Callable[[Connection], None]) -> SchemaVersions:
    async with open_alone(url) as connection:
        before = await connection.run_sync(schema_version)
        await connection.run_sync(change)
        now = await connection.run_sync(schema_version)
    return SchemaVersions(before=before, now=now, wanted=newest_version())


@asynccontextmanager
async def open_alone(url: str) -> AsyncIterator[AsyncConnection]:
    """Begin a transaction that no migration runs beside; commit after the block."""
    async with database_engines(url) as engines:
        with translate_errors():
            async with engines.writers.begin() as connection:
                if connection.dialect.name == "postgresql":
                    await take_locks(connection, ["migration"])
                    # A large table takes its time; a lock that others hold does not
                    # have to (`lock_timeout` stays).
                    await connection.execute(text("SET LOCAL statement_timeout = 0"))
                    idle = "SET LOCAL idle_in_transaction_session_timeout = 0"
                    await connection.execute(text(idle))
                yield connection
