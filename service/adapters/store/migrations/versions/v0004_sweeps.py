"""Every source has a time of its own to be asked for its head."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0004"
down_revision = "0003"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table; whoever sweeps first gives every source its first turn."""
    op.create_table(
        "sweeps",
        sa.Column("source_id", _WORDS, nullable=False),
        sa.Column("interval_ms", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("source_id", name="pk_sweeps"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name="fk_sweeps_source_id"
        ),
    )
    op.create_index("ix_sweeps_due_at", "sweeps", ["due_at"])
