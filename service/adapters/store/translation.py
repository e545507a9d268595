"""The database library's errors, in the service's words."""

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

from service.errors import (
    ConflictError,
    PermanentError,
    ServiceError,
    TransientError,
)

__all__ = ["translated", "translating"]

_PASSING: Final = ("08", "40", "53", "55", "57")
"""Connection, rollback, resources, locks, operator intervention.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


@contextmanager
def translating() -> Iterator[None]:
    """Raise what the database library raises as one of the service's errors.

    Raises:
        TransientError: The database did not answer or was too busy.
        ConflictError: A rule of the tables (unique, references) forbids it.
        PermanentError: Anything else.
    """
    try:
        yield
    except SQLAlchemyError as exc:
        raise translated(exc) from exc


def translated(error: SQLAlchemyError) -> ServiceError:
    """Say in the service's words what went wrong, without any value of a row."""
    if isinstance(error, PoolTimeoutError):
        return TransientError("the database was too busy: no free connection in time")
    if not isinstance(error, DBAPIError):
        return PermanentError(f"the database library: {type(error).__name__}")
    said = _first_line(error)
    if isinstance(error, IntegrityError):
        return ConflictError(f"the database refused it: {said}")
    if error.connection_invalidated or _passes(error):
        return TransientError(f"the database failed for now: {said}")
    return PermanentError(f"the database failed: {said}")


def _passes(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_PASSING)
    return isinstance(error, OperationalError | InterfaceError)


def _first_line(error: DBAPIError) -> str:
    """PostgreSQL's further lines show the row."""
    lines = str(error.orig).splitlines()
    return lines[0] if lines else type(error.orig).__name__
