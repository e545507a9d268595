"""Builds know the ref that carried their commit."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0015"
down_revision = "0014"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column; of builds of before nobody can tell."""
    op.add_column("builds", sa.Column("ref", _WORDS, nullable=True))
