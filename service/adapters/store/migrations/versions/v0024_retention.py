"""What is old is found by an index, and images that were removed are known."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0024"
down_revision = "0023"

_WITH_IMAGE = sa.text("state = 'succeeded' AND image_removed_at IS NULL")
_NAMED = sa.text("image IS NOT NULL")


def upgrade() -> None:
    """Add the column and indexes; every image of before is there."""
    op.add_column("builds", sa.Column("image_removed_at", sa.BigInteger))
    op.create_index(
        "ix_builds_with_image",
        "builds",
        ["completed_at", "id"],
        postgresql_where=_WITH_IMAGE,
        sqlite_where=_WITH_IMAGE,
    )
    op.create_index(
        "ix_rebuilds_image",
        "rebuilds",
        ["image"],
        postgresql_where=_NAMED,
        sqlite_where=_NAMED,
    )
    op.create_index(
        "ix_evaluations_completed_at_id", "evaluations", ["completed_at", "id"]
    )
    op.create_index(
        "ix_evaluation_deliveries_evaluation_id",
        "evaluation_deliveries",
        ["evaluation_id"],
    )


def downgrade() -> None:
    """Remove the column and indexes; images that were removed are looked for again."""
    op.drop_index(
        "ix_evaluation_deliveries_evaluation_id", table_name="evaluation_deliveries"
    )
    op.drop_index("ix_evaluations_completed_at_id", table_name="evaluations")
    op.drop_index("ix_rebuilds_image", table_name="rebuilds")
    op.drop_index("ix_builds_with_image", table_name="builds")
    op.drop_column("builds", "image_removed_at")
