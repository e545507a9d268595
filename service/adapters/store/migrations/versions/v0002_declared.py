"""Builds know which distributions their definition names."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; builds of before name nothing."""
    op.add_column("builds", sa.Column("declared", sa.Text, nullable=True))
