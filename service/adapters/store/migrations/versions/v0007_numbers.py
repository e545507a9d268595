"""Numbers of repositories are found by looks; asks keep what a delivery suggests."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column, and forget what hooks were told: no look has found it."""
    op.add_column("asks", sa.Column("suggested_number", sa.BigInteger, nullable=True))
    op.execute("UPDATE hooks SET number = NULL")
