"""A request knows what its push may have changed, to be asked for with the head."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Add the column; who asked before named nothing."""
    op.add_column("asks", sa.Column("changed_paths", sa.Text, nullable=True))


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("asks", "changed_paths")
