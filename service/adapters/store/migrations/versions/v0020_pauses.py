"""Launchers may be pinned to an image, and automatic work paused."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0020"
down_revision = "0019"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table and the column; nothing is paused or pinned."""
    op.create_table(
        "pauses",
        sa.Column("scope", _WORDS, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("by_whom", _WORDS),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("scope", name="pk_pauses"),
    )
    op.add_column("launchers", sa.Column("pinned_at", sa.BigInteger))


def downgrade() -> None:
    """Remove both; what was pinned or paused is updated again."""
    op.drop_column("launchers", "pinned_at")
    op.drop_table("pauses")
