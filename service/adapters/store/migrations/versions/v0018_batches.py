"""The schedule finds what it decides for, and the rebuilds of a build, by an index."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0018"
down_revision = "0017"

_UNFINISHED = "state IN ('queued', 'running')"
_UNASSIGNED = f"{_UNFINISHED} AND key IS NOT NULL AND build_id IS NULL"


def upgrade() -> None:
    """Add two partial indexes of unfinished rebuilds, which are few."""
    _index("ix_rebuilds_unassigned", ["id"], _UNASSIGNED)
    _index("ix_rebuilds_attached", ["build_id", "id"], _UNFINISHED)


def downgrade() -> None:
    """Remove the indexes."""
    for name in ("ix_rebuilds_unassigned", "ix_rebuilds_attached"):
        op.drop_index(name, table_name="rebuilds")


def _index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        name, "rebuilds", columns, postgresql_where=where, sqlite_where=where
    )
