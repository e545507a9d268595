"""Make indexes of PostgreSQL CONCURRENTLY, and mend those that a crash left invalid."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Index, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import CreateIndex

from service.adapters.store.database.errors import translate_errors
from service.adapters.store.tables import METADATA

__all__ = [
    "RETIRED",
    "IndexChanges",
    "apply_index_changes",
    "declared_indexes",
    "undone",
]

log = structlog.get_logger(__name__)

RETIRED: Final = ("ix_evaluations_completed_at_id", "ix_launchers_scheduled")
"""Indexes that migrations dropped: a run that was cut off may have left them."""

PATIENCE: Final = timedelta(minutes=1)
"""For the transactions that an index waits for, a backup's for one; it is made by the
next migration then, and whatever waits for this one goes on."""
_POLL: Final = timedelta(seconds=0.2)
"""Between two tries to be the only one."""
_LOCK_NOT_AVAILABLE: Final = "55P03"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_THERE: Final = text(
    "SELECT pg_class.relname, indisvalid FROM pg_index"
    " JOIN pg_class ON pg_class.oid = indexrelid"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE nspname = current_schema()"
)
_TAKE: Final = text(
    "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '/indexes', 0))"
)


@dataclass(slots=True)
class IndexChanges:
    """Indexes that are to be made and to go."""

    made: list[Index] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def make(self, index: Index) -> None:
        """Have an index made."""
        self.made.append(index)

    def drop(self, index: Index) -> None:
        """Have an index dropped, and not made where it would have been."""
        self.made = [one for one in self.made if one.name != index.name]
        self.dropped.append(str(index.name))

    @property
    def names(self) -> Sequence[str]:
        """The indexes that it is about."""
        return sorted([*self.dropped, *(str(index.name) for index in self.made)])


def declared_indexes() -> IndexChanges:
    """Return what makes indexes as this version's tables have to have them."""
    tables = METADATA.sorted_tables
    return IndexChanges(
        made=[index for table in tables for index in table.indexes],
        dropped=list(RETIRED),
    )


async def apply_index_changes(
    engine: AsyncEngine, changes: IndexChanges, *, patience: timedelta = PATIENCE
) -> Sequence[str]:
    """Drop and make indexes while others write; what is there already stays.

    An index that is left invalid, by a crash or a cancellation, is made again.

    Args:
        engine: Of the database; one of SQLite needs nothing.
        changes: What is to be done.
        patience: For how long an index may wait for other transactions.

    Returns the names of those that were left as they are, after that time.

    Raises:
        TransientError: The database did not answer; the next call goes on.
    """
    # SQLite has one writer: its transaction made them. And who only starts has none.
    if engine.dialect.name != "postgresql" or not changes.names:
        return ()
    with translate_errors():
        async with engine.connect() as connection:
            if not (await undone(connection, changes)).names:
                return ()
        async with _only_session(engine, patience) as connection:
            # Read now: another process may have made them meanwhile.
            left = await undone(connection, changes)
            for name, statements in _steps(left, connection):
                log.info("changing an index", index=name)
                if not await _are_let_through(connection, statements):
                    break
            left = await undone(connection, changes)
    if left.names:
        log.warning("indexes are left for the next migration", indexes=left.names)
    return left.names


async def undone(connection: AsyncConnection, changes: IndexChanges) -> IndexChanges:
    """Return what is still to be done: what lacks or is invalid, and what is there."""
    there = {row.relname: row.indisvalid for row in await connection.execute(_THERE)}
    return IndexChanges(
        made=[index for index in changes.made if not there.get(str(index.name))],
        dropped=[name for name in changes.dropped if name in there],
    )


@asynccontextmanager
async def _only_session(
    engine: AsyncEngine, patience: timedelta
) -> AsyncIterator[AsyncConnection]:
    """Give a session without transactions; one at a time, in all processes.

    An index that another session is making looks as one does that a crash left.
    """
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with alone.connect() as connection:
        try:
            # Tried again and not waited for: an index waits for every statement that is
            # under way, and this one would be waiting for the index.
            while not await connection.scalar(_TAKE):  # noqa: ASYNC110 - as it says
                await asyncio.sleep(_POLL.total_seconds())
            # To read a large table may take hours, and holds up nobody.
            await connection.exec_driver_sql("SET statement_timeout = 0")
            waits = int(patience.total_seconds() * 1000)
            await connection.exec_driver_sql(f"SET lock_timeout = {waits}")
            yield connection
        finally:
            # With the session end its lock and its limits.
            await connection.invalidate()


def _steps(
    changes: IndexChanges, connection: AsyncConnection
) -> Iterator[tuple[str, Sequence[str]]]:
    for name in changes.dropped:
        yield name, [_drop(name)]
    for index in changes.made:
        name = str(index.name)
        yield name, [_drop(name), _create(index, connection)]


async def _are_let_through(
    connection: AsyncConnection, statements: Sequence[str]
) -> bool:
    """Send statements; return whether other transactions ended in time."""
    try:
        for statement in statements:
            await connection.exec_driver_sql(statement)
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            return False
        raise
    return True


def _drop(name: str) -> str:
    return f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"'


def _create(index: Index, connection: AsyncConnection) -> str:
    statement = str(CreateIndex(index).compile(dialect=connection.dialect))
    return statement.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1)
