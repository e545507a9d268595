"""An appointment knows why the last look was in vain."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; of what was there before nobody can tell."""
    op.add_column(
        "appointments",
        sa.Column("trouble", sa.Text, nullable=False, server_default=""),
    )
