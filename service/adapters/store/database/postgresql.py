"""A database on a PostgreSQL server, shared by any number of processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from service.adapters.store.database.engines import DatabaseEngines
from service.errors import PermanentError, TransientError

__all__ = ["postgresql_engines"]

_CONNECTIONS: Final = 10
"""Per process; a server's usual limit of 100 then serves ten of them."""

_PATIENCE: Final = timedelta(seconds=30)
"""How long a transaction waits for a connection before it fails as transient."""

_CONNECT: Final = timedelta(seconds=10)

_SETTINGS: Final = {
    "application_name": "relaunch",
    # A process that hangs must not hold up the others for ever.
    "lock_timeout": "30s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "5min",
}


@asynccontextmanager
async def postgresql_engines(url: str) -> AsyncIterator[DatabaseEngines]:
    """Open an engine on a libpq URL, `postgresql://user:password@host/name?…`.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
    """

    async def connect() -> asyncpg.Connection:
        return await _connect(url)

    writers = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_PATIENCE.total_seconds(),
        # After a failover or a restart every pooled connection is dead. Without the
        # ping each of them fails one transaction before it is replaced.
        pool_pre_ping=True,
        hide_parameters=True,
    )
    # One state of the database for the whole reading, as in SQLite.
    # The same pool, as a second one would double the connections that the server has to
    # allow for each process.
    readers = writers.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    try:
        yield DatabaseEngines(readers=readers, writers=writers)
    finally:
        await writers.dispose()


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(
            url, timeout=_CONNECT.total_seconds(), server_settings=_SETTINGS
        )
    # asyncpg parses the URL by itself and raises for a bad percent-escape; `from None`,
    # since the traceback would carry the URL.
    except ValueError:
        # The parser's message may quote a part of the password.
        raise PermanentError(
            "the PostgreSQL URL cannot be read; expected"
            " postgresql://user:password@host:port/name, percent-encoded"
        ) from None
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InterfaceError,
    ) as exc:
        raise PermanentError(f"PostgreSQL refused us: {exc}") from exc
    except (OSError, TimeoutError, asyncpg.PostgresError) as exc:
        message = str(exc) or type(exc).__name__
        raise TransientError(f"PostgreSQL did not answer: {message}") from exc
