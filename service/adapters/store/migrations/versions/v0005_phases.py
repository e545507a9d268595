"""Builds know how long their phases took; asks and builds, which trace they are of."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0005"
down_revision = "0004"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns; of what was there before nobody can tell."""
    op.add_column("builds", sa.Column("phases", sa.Text, nullable=True))
    op.add_column("builds", sa.Column("traceparent", _WORDS, nullable=True))
    op.add_column("asks", sa.Column("traceparent", _WORDS, nullable=True))
