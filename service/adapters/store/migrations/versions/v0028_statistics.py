"""Endings are counted by an index alone; evaluations have one by time, not two."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0028"
down_revision = "0027"

_ENDED = sa.text("state NOT IN ('queued', 'running')")


def upgrade() -> None:
    """Add the index of endings; evaluations keep the one that has their verdict."""
    op.create_index(
        "ix_rebuilds_ended",
        "rebuilds",
        ["created_at", "reason", "state"],
        postgresql_where=_ENDED,
        sqlite_where=_ENDED,
    )
    op.drop_index("ix_evaluations_completed_at_id", table_name="evaluations")


def downgrade() -> None:
    """Have the indexes of before."""
    op.create_index(
        "ix_evaluations_completed_at_id", "evaluations", ["completed_at", "id"]
    )
    op.drop_index("ix_rebuilds_ended", table_name="rebuilds")
