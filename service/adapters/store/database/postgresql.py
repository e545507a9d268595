"""A database on a PostgreSQL server, shared by any number of processes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, Dialect, Executable, SelectBase, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from service.adapters.store.database.engines import DatabaseEngines, close_engine
from service.adapters.store.database.postgresql_hosts import PostgresHosts
from service.errors import PermanentError

__all__ = ["postgresql_engines"]

_CONNECTIONS: Final = 10
"""Per process; a server's usual limit of 100 then serves ten of them."""

_PATIENCE: Final = timedelta(seconds=30)
"""How long a transaction waits for a connection before it fails as transient."""

_TRUSTED: Final = timedelta(seconds=1)
"""How long after its last use a connection that is not closed is taken for alive."""
_USED: Final = "relaunch_used"

_ROLLBACK: Final = timedelta(seconds=1)
"""How long the server may take to end a transaction that failed. What it is cut off in
it rolls back by itself, and a leader has three seconds to stop."""
_CUT_OFF: Final = "relaunch_cut_off"

_READ_ONLY: Final = "25006"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""


@asynccontextmanager
async def postgresql_engines(url: str) -> AsyncIterator[DatabaseEngines]:
    """Open an engine on a libpq URL, `postgresql://user:password@host/name?…`.

    Of several hosts (`host1:port,host2:port`) it uses the one that takes writes.
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
    """
    writers = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=PostgresHosts(url).connect,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_PATIENCE.total_seconds(),
        hide_parameters=True,
    )
    event.listen(writers.sync_engine, "checkout", partial(_check, writers.dialect))
    event.listen(writers.sync_engine, "handle_error", _leave_standby)
    event.listen(writers.sync_engine, "rollback", _limit_rollback)
    event.listen(writers.sync_engine, "checkin", _keep)
    # One state of the database for the whole reading, as in SQLite.
    # The same pool, as a second one would double the connections that the server has to
    # allow for each process.
    readers = writers.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    # BEGIN and COMMIT are an answer of the server each.
    single_readers = writers.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(single_readers.sync_engine, "before_execute", _expect_query)
    try:
        yield DatabaseEngines(
            readers=readers,
            single_readers=single_readers,
            writers=writers,
        )
    finally:
        await close_engine(writers)


# Without a transaction the server has nothing to be told that it is read-only: a write
# would be committed at once, and be a fault with SQLite only.
def _expect_query(
    connection: Connection, statement: Executable, *_rest: object
) -> None:
    """Refuse anything but a query.

    Raises:
        PermanentError: It may change something.
    """
    del connection
    if not isinstance(statement, SelectBase):
        raise PermanentError("a transaction that reads cannot write")


def _check(
    dialect: Dialect,
    connection: DBAPIConnection,
    record: ConnectionPoolEntry,
    proxy: PoolProxiedConnection,
) -> None:
    """Replace a pooled connection that is dead, as all are after a failover.

    Without this each of them fails one transaction before it is replaced.
    """
    now, used = time.monotonic(), record.info.get(_USED, 0.0)
    record.info[_USED] = now
    # The end of a connection is seen when the server's host tells of it. One that
    # vanished without a word is found by a ping, which is an answer to wait for: in a
    # busy hour it would be a third of a look-up's time.
    driver = proxy.driver_connection
    is_open = driver is not None and not driver.is_closed()
    if is_open and now - used < _TRUSTED.total_seconds():
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as exc:
        raise InvalidatePoolError from exc


def _leave_standby(context: ExceptionContext) -> None:
    """Drop connections to a server that became a standby while they were open.

    An address that moves with the primary leads elsewhere by now.
    """
    connection = context.connection
    is_reading = connection is not None and connection.get_execution_options().get(
        "postgresql_readonly"
    )
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = not is_reading


def _limit_rollback(connection: Connection) -> None:
    """Cut a connection off whose server does not answer to a rollback.

    Whoever was cancelled would wait for it, as a leader whose lease runs out: until the
    kernel gives the connection up, and for ever where only the server's process hangs.
    """
    # Given up already where a statement was cancelled.
    if connection.invalidated:
        return
    driver = connection.connection.driver_connection
    if driver is not None:
        connection.info[_CUT_OFF] = asyncio.get_running_loop().call_later(
            _ROLLBACK.total_seconds(), driver.terminate
        )


def _keep(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    """Let a connection live on whose transaction has ended."""
    # Whatever its class is: uvloop's is none of asyncio's.
    limit: asyncio.TimerHandle | None = record.info.pop(_CUT_OFF, None)
    if limit is not None:
        limit.cancel()
