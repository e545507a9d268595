"""A database in one file, owned by one process.

One connection writes, so writers queue up in the process and never meet a lock;
others read beside it from the write-ahead log. https://sqlite.org/wal.html
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

from service.adapters.store.engines import Engines
from service.adapters.store.sqlite_connection import open_connection
from service.errors import PermanentError

__all__ = ["sqlite_engines"]

_READERS: Final = 8
"""Each is a thread; a page and a handful of streams read at once."""

_PATIENCE: Final = timedelta(seconds=30)
"""How long a transaction waits for its turn before it fails as transient."""

_HANDOVER: Final = timedelta(seconds=5)
"""How long a new process waits for the one that is just ending."""

_GLANCE: Final = timedelta(milliseconds=100)

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # An answered delivery survives a power cut, not only a crash.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {_PATIENCE // timedelta(milliseconds=1)}",
)


@asynccontextmanager
async def sqlite_engines(path: Path) -> AsyncIterator[Engines]:
    """Own the file and open engines on it.

    Raises:
        PermanentError: Another process owns it, or it cannot be made.
    """
    handle = _prepare(path)
    try:
        await _own(handle, path)
        writers = _engine(path, size=1, begin="BEGIN IMMEDIATE", pragmas=_PRAGMAS)
        readers = _engine(
            path,
            size=_READERS,
            begin="BEGIN",
            pragmas=(*_PRAGMAS, "PRAGMA query_only = ON"),
        )
        try:
            yield Engines(readers=readers, writers=writers)
        finally:
            await readers.dispose()
            await writers.dispose()
    finally:
        os.close(handle)


def _prepare(path: Path) -> int:
    """Make the file for the owner's eyes only; open the one that stands for owning.

    That is a file of its own: closing any handle of the database file itself would
    lose SQLite's locks. https://sqlite.org/howtocorrupt.html
    """
    with _explaining(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        owner = path.with_name(f"{path.name}.owner")
        return os.open(owner, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise PermanentError(f"the database {path}: {exc.strerror or exc}") from exc


async def _own(handle: int, path: Path) -> None:
    left = _HANDOVER
    while not _is_locked(handle):
        if left <= timedelta():
            raise PermanentError(
                f"the database {path} belongs to another running process; stop it, or"
                " use PostgreSQL for several"
            )
        await asyncio.sleep(_GLANCE.total_seconds())
        left -= _GLANCE


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _engine(
    path: Path, *, size: int, begin: str, pragmas: tuple[str, ...]
) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=size,
        max_overflow=0,
        pool_timeout=_PATIENCE.total_seconds(),
        hide_parameters=True,
        async_creator=partial(open_connection, path),
    )
    event.listen(engine.sync_engine, "connect", _prepared_by(pragmas))
    event.listen(engine.sync_engine, "begin", _begun_by(begin))
    return engine


def _prepared_by(
    pragmas: tuple[str, ...],
) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver begins transactions on its own otherwise, late and deferred.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    return prepare


def _begun_by(statement: str) -> Callable[[Connection], None]:
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    return begin
