"""A SQLite database in one file, owned by one process.

One connection writes, so writers queue in the process and never see SQLITE_BUSY;
others read concurrently from the write-ahead log. https://sqlite.org/wal.html
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from service.adapters.store.database.engines import DatabaseEngines, close_engine
from service.adapters.store.database.sqlite_connection import open_connection
from service.errors import PermanentError, TransientError

__all__ = ["sqlite_engines"]

_READERS: Final = 8
"""Reading connections, each with a thread."""

_TRANSACTION_TIMEOUT: Final = timedelta(seconds=30)
"""How long a transaction waits for a connection before it fails as transient."""

_HANDOVER: Final = timedelta(seconds=5)
"""How long a new process waits for the previous one to end."""

_POLL: Final = timedelta(milliseconds=100)

_Identity = tuple[int, int]
"""Device and inode."""

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # An answered delivery survives a power cut, not only a crash.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {_TRANSACTION_TIMEOUT // timedelta(milliseconds=1)}",
)


@asynccontextmanager
async def sqlite_engines(path: Path) -> AsyncIterator[DatabaseEngines]:
    """Take ownership of the file and open engines on it.

    Raises:
        PermanentError: Another process owns it, or it cannot be created.
    """
    handle = _prepare(path)
    try:
        # Waits a little: in a restart the previous process may still be writing its
        # last delivery records.
        await _take_ownership(handle, path)
        identity = _identify(path)
        writers = _engine(
            # IMMEDIATE takes the write lock at the start. A deferred transaction that
            # reads first cannot wait for the lock later: it gets SQLITE_BUSY_SNAPSHOT
            # at once.
            path,
            identity,
            size=1,
            begin="BEGIN IMMEDIATE",
            pragmas=_PRAGMAS,
        )
        readers = _engine(
            path,
            identity,
            size=_READERS,
            begin="BEGIN",
            pragmas=(*_PRAGMAS, "PRAGMA query_only = ON"),
        )
        try:
            # In the same process beginning a transaction costs nothing worth sparing.
            yield DatabaseEngines(
                readers=readers, single_readers=readers, writers=writers
            )
        finally:
            await close_engine(readers)
            await close_engine(writers)
    finally:
        os.close(handle)


def _prepare(path: Path) -> int:
    """Create the file, readable for its owner only; open the lock file beside it."""
    # The lock is on a file of its own: closing any descriptor of the database file
    # itself would drop SQLite's POSIX locks. https://sqlite.org/howtocorrupt.html
    with _translate_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        owner = path.with_name(f"{path.name}.owner")
        return os.open(owner, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise PermanentError(f"the database {path}: {exc.strerror or exc}") from exc


async def _take_ownership(handle: int, path: Path) -> None:
    left = _HANDOVER
    while not _try_lock(handle):
        if left <= timedelta():
            raise PermanentError(
                f"the database {path} belongs to another running process; stop it, or"
                " use PostgreSQL for several"
            )
        await asyncio.sleep(_POLL.total_seconds())
        left -= _POLL


def _try_lock(handle: int) -> bool:
    try:
        # The kernel drops it with the process, also after kill -9; a file with a
        # process id in it would have to be cleaned up by hand.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _identify(path: Path) -> _Identity | None:
    """Return the device and inode of a path; None when there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _engine(
    path: Path,
    identity: _Identity | None,
    *,
    size: int,
    begin: str,
    pragmas: tuple[str, ...],
) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=size,
        max_overflow=0,
        pool_timeout=_TRANSACTION_TIMEOUT.total_seconds(),
        hide_parameters=True,
        async_creator=partial(open_connection, path),
    )
    event.listen(engine.sync_engine, "connect", _set_pragmas_on_connect(pragmas))
    event.listen(engine.sync_engine, "begin", _begin_with(begin, path, identity))
    return engine


def _set_pragmas_on_connect(
    pragmas: tuple[str, ...],
) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # Otherwise the driver begins transactions itself, deferred until the first
        # write: two of them could both have read before one of them fails.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    return prepare


def _begin_with(
    statement: str, path: Path, identity: _Identity | None
) -> Callable[[Connection], None]:
    def begin(connection: Connection) -> None:
        # Writes to a removed file succeed as before, and are gone at the next start.
        if _identify(path) != identity:
            raise TransientError(
                f"the database {path} was removed or replaced while it was open; put"
                " it back and start the service again"
            )
        connection.exec_driver_sql(statement)

    return begin
