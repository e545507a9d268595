"""Migrate a database by itself: nothing else of the service is opened on it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.database.database import database_engines, sqlite_path
from service.adapters.store.database.engines import DatabaseEngines
from service.adapters.store.database.errors import translate_errors
from service.adapters.store.database.locks import take_locks
from service.adapters.store.database.schema import newest_version, schema_version
from service.adapters.store.database.time_limits import lift_time_limits
from service.adapters.store.migrations.concurrent_indexes import (
    IndexChanges,
    apply_index_changes,
    declared_indexes,
    undone,
)

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
    unfinished: Sequence[str] = ()
    """Indexes that are missing, invalid or still to go."""

    @property
    def is_current(self) -> bool:
        """Return whether there is nothing for a migration to do."""
        return self.now == self.wanted and not self.unfinished


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
    wanted = newest_version()
    if await asyncio.to_thread(_is_missing, url):
        return SchemaVersions(before=None, now=None, wanted=wanted)
    async with database_engines(url) as engines:
        with translate_errors():
            async with engines.readers.connect() as connection:
                now = await connection.run_sync(schema_version)
                left = await _unfinished(connection) if now == wanted else ()
    return SchemaVersions(before=now, now=now, wanted=wanted, unfinished=left)


def _is_missing(url: str) -> bool:
    """Return whether to open it would make a file."""
    path = sqlite_path(url)
    return path is not None and not path.exists()


async def _unfinished(connection: AsyncConnection) -> Sequence[str]:
    if connection.dialect.name != "postgresql":
        return ()
    return (await undone(connection, declared_indexes())).names


async def _change(
    url: str, change: Callable[[Connection], IndexChanges]
) -> SchemaVersions:
    async with database_engines(url) as engines:
        async with _alone(engines) as connection:
            before = await connection.run_sync(schema_version)
            changes = await connection.run_sync(change)
            now = await connection.run_sync(schema_version)
        left = await apply_index_changes(engines.writers, changes)
    return SchemaVersions(
        before=before, now=now, wanted=newest_version(), unfinished=left
    )


@asynccontextmanager
async def open_alone(url: str) -> AsyncIterator[AsyncConnection]:
    """Begin a transaction that no migration runs beside; commit after the block."""
    async with database_engines(url) as engines, _alone(engines) as connection:
        yield connection


@asynccontextmanager
async def _alone(engines: DatabaseEngines) -> AsyncIterator[AsyncConnection]:
    with translate_errors():
        async with engines.writers.begin() as connection:
            if connection.dialect.name == "postgresql":
                await take_locks(connection, ["migration"])
            await connection.run_sync(lift_time_limits)
            yield connection
