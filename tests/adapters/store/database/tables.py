"""What a database holds, whatever made it: its shape, and its rows as text."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, inspect, text

__all__ = ["Rows", "read_rows", "read_shape"]

Rows = Mapping[str, list[dict[str, Any]]]
"""The rows of every table, sorted."""

_OWN = "alembic_version"
_DIFFERS = re.compile("IS DISTINCT FROM|IS NOT")


def read_shape(connection: Connection) -> dict[str, Any]:
    """Describe tables, columns, keys, indexes and triggers."""
    found = inspect(connection)
    return {
        **{name: _table(found, name) for name in sorted(found.get_table_names())},
        "triggers": _triggers(connection),
    }


def _table(found: Any, name: str) -> dict[str, Any]:
    return {
        "columns": sorted(
            (
                column["name"],
                str(column["type"]),
                column["nullable"],
                # PostgreSQL shows a default with its type, by its own habits.
                str(column["default"]).partition("::")[0].strip("'()"),
            )
            for column in found.get_columns(name)
        ),
        "key": found.get_pk_constraint(name)["constrained_columns"],
        "references": sorted(
            (key["constrained_columns"], key["referred_table"])
            for key in found.get_foreign_keys(name)
        ),
        "indexes": sorted(
            (index["name"], index["column_names"], bool(index["unique"]))
            for index in found.get_indexes(name)
        ),
        "unique": sorted(
            key["column_names"] for key in found.get_unique_constraints(name)
        ),
    }


def _triggers(connection: Connection) -> list[tuple[str, str]]:
    """Return each trigger with what it does, blanks left out.

    Where nothing is NULL all three ways to say *differs* are the same.
    """
    if connection.dialect.name == "sqlite":
        statement = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        statement = (
            "SELECT tgname, pg_get_triggerdef(pg_trigger.oid) || prosrc"
            " FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " JOIN pg_class ON pg_class.oid = tgrelid"
            " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
            " WHERE NOT tgisinternal AND nspname = current_schema()"
        )
    return sorted(
        (name, _DIFFERS.sub("<>", " ".join(does.split())))
        for name, does in connection.execute(text(statement)).all()
    )


def read_rows(connection: Connection) -> Rows:
    """Return every row of every table of ours, by the name of its column."""
    return {
        name: sorted(
            (
                dict(row)
                for row in connection.execute(
                    text(f'SELECT * FROM "{name}"')  # noqa: S608 - our own tables
                ).mappings()
            ),
            key=lambda row: sorted((key, str(value)) for key, value in row.items()),
        )
        for name in sorted(inspect(connection).get_table_names())
        if name != _OWN
    }
