"""When each source was polled last is known."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the column; what was polled before is known from the next poll on."""
    op.add_column("sweeps", sa.Column("polled_at", sa.BigInteger))
    op.create_index("ix_sweeps_polled_at", "sweeps", ["polled_at"])


def downgrade() -> None:
    """Remove the column."""
    op.drop_index("ix_sweeps_polled_at", table_name="sweeps")
    op.drop_column("sweeps", "polled_at")
