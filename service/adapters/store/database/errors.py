"""The database library's errors, in the service's words."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError as PoolTimeoutError,
)

from service.adapters.cancellation import count_cancellations
from service.errors import (
    ConflictError,
    PermanentError,
    ServiceError,
    TransientError,
)

__all__ = ["translate_error", "translate_errors"]

_PASSING: Final = ("08", "40", "53", "55", "57")
"""Connection, rollback, resources, locks, operator intervention.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise what the database library raises as one of the service's errors.

    Whoever was cancelled meanwhile is cancelled, whatever else happens: rolling back on
    a connection that is gone fails in its own way, which must not become an error that
    a loop waits out. A leader would go on without its lease.

    Raises:
        TransientError: The database did not answer or was too busy.
        ConflictError: A rule of the tables (unique, references) forbids it.
        PermanentError: Anything else.
    """
    before = count_cancellations()
    try:
        yield
    except (SQLAlchemyError, ServiceError) as exc:
        if count_cancellations() > before:
            raise asyncio.CancelledError from exc
        if isinstance(exc, ServiceError):
            raise
        raise translate_error(exc) from exc
    if count_cancellations() > before:
        raise asyncio.CancelledError


def translate_error(error: SQLAlchemyError) -> ServiceError:
    """Translate an error of the database, without any value of a row."""
    # Not a DBAPIError: SQLAlchemy raises it before there is a connection. Under load it
    # passes, so it is a matter of waiting.
    if isinstance(error, PoolTimeoutError):
        return TransientError("the database was too busy: no free connection in time")
    if not isinstance(error, DBAPIError):
        return PermanentError(f"the database library: {type(error).__name__}")
    message = _first_line(error)
    if isinstance(error, IntegrityError):
        return ConflictError(f"the database refused it: {message}")
    if error.connection_invalidated or _passes(error):
        return TransientError(f"the database failed for now: {message}")
    return PermanentError(f"the database failed: {message}")


def _passes(error: DBAPIError) -> bool:
    # asyncpg's errors carry a SQLSTATE, SQLite's do not: there, locked or full files
    # are OperationalError, and pass.
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_PASSING)
    return isinstance(error, OperationalError | InterfaceError)


def _first_line(error: DBAPIError) -> str:
    """PostgreSQL's further lines show the row."""
    lines = str(error.orig).splitlines()
    return lines[0] if lines else type(error.orig).__name__
