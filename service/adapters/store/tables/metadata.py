"""What all tables share: one set of metadata, and partial indexes.

Times are microseconds, deep values are JSON in TEXT, ids sort by code point: the same
in both engines. History (evaluations, rebuilds, builds, deliveries, logs) refers to
launchers and hooks by id only, because it outlives them.
"""

from typing import Final

from sqlalchemy import Index, MetaData, text

__all__ = ["METADATA", "partial_index"]

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index of the rows that match a condition, in either engine.

    A planner takes it only for a query that repeats the words of the condition.
    """
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))
