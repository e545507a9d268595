"""Builds know which paths of their commit they may see."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column; builds of before see all."""
    op.add_column("builds", sa.Column("kept", sa.Text, nullable=True))
