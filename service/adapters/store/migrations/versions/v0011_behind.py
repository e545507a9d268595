"""Launchers that are behind are found by what is there, and by an index of few."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0011"
down_revision = "0010"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_UNSERVED = sa.text(
    "policy <> 'manual'"
    " AND wanted_key IS NOT NULL"
    " AND (image_key IS NULL OR image_key <> wanted_key)"
    " AND (policy <> 'notify' OR available_key IS NULL OR available_key <> wanted_key"
    " OR available_generation <= generation)"
    " AND (held_key IS NULL OR held_key <> wanted_key OR held_until IS NOT NULL)"
)
_UNFINISHED = sa.text("state IN ('queued', 'running')")

_KEY_BY_TEXT = """substring(plan from '"key"[:] ?"([^"]*)"')"""


def upgrade() -> None:
    """Add the columns and indexes; every rebuild with a plan gets its key."""
    op.add_column("launchers", sa.Column("wanted_builder", _WORDS, nullable=True))
    op.add_column("launchers", sa.Column("held_key", _WORDS, nullable=True))
    op.add_column("launchers", sa.Column("held_until", sa.BigInteger, nullable=True))
    op.add_column("rebuilds", sa.Column("key", _WORDS, nullable=True))
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    # PostgreSQL's JSON refuses half a surrogate pair, which paths in a plan may hold.
    key = _KEY_BY_TEXT if is_postgresql else "json_extract(plan, '$.key')"
    op.execute(sa.text(f"UPDATE rebuilds SET key = {key} WHERE plan IS NOT NULL"))  # noqa: S608 - constants
    _index("ix_launchers_behind", "launchers", "id", _UNSERVED)
    _index("ix_rebuilds_unfinished", "rebuilds", "environment_id", _UNFINISHED)


def _index(name: str, table: str, column: str, where: sa.TextClause) -> None:
    op.create_index(name, table, [column], postgresql_where=where, sqlite_where=where)
