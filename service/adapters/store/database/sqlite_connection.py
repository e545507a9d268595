"""A SQLite connection that lets go of its lock however it ends."""

import asyncio
import sqlite3
from pathlib import Path

import aiosqlite

__all__ = ["open_connection"]


async def open_connection(path: Path) -> aiosqlite.Connection:
    """Open a connection to a database file."""
    connection = _RollingBack(lambda: sqlite3.connect(path), iter_chunk_size=64)
    connection._thread.daemon = True  # noqa: SLF001 - a stuck disk must not keep us
    return await connection


# A cancelled writer once left its lock behind: the next one waited its whole busy
# timeout for a connection that was closed and not yet collected.
class _RollingBack(aiosqlite.Connection):
    """Rolls back before it closes.

    A statement that a cancelled task left half read keeps a closed connection, and so
    its transaction and the write lock, alive until somebody collects the garbage.
    https://www.sqlite.org/c3ref/close.html ("zombie")
    """

    _is_stopped = False

    async def close(self) -> None:
        if not self._is_stopped:
            self._let_go()
            await super().close()

    # Who is cancelled twice while it closes is stopped twice, and the thread hears the
    # first alone: what waits for the second waits for ever, also in the loop's end.
    def stop(self) -> asyncio.Future[None] | None:
        if self._is_stopped:
            return None
        self._is_stopped = True
        self._let_go()
        return super().stop()

    def _let_go(self) -> None:
        connection = self._connection
        if connection is not None:
            # Behind whatever still runs in the connection's own thread.
            # Through the connection's own queue: sqlite3 refuses calls from other
            # threads, and a statement may still be running in that one.
            self._tx.put_nowait((None, connection.rollback))
