"""What images are built with and stand on is known by digest."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0013"
down_revision = "0012"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "bases",
        sa.Column("reference", _WORDS, primary_key=True),
        sa.Column("digest", _WORDS, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
