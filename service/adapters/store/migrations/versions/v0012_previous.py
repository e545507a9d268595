"""Builds know the image whose layers they may reuse; relatives are found quickly."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0012"
down_revision = "0011"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column; builds of before reuse nothing."""
    op.add_column("builds", sa.Column("previous_image", _WORDS, nullable=True))
    columns = ["project_id", "repository_url", "state", "completed_at"]
    op.create_index(f"ix_builds_{'_'.join(columns)}", "builds", columns)
