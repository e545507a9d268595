"""Builds that an upstream Renku makes are known by the ids that it gave them."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0025"
down_revision = "0024"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table; no build runs in an upstream Renku."""
    op.create_table(
        "upstream_builds",
        sa.Column("id", _WORDS, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("environment_id", _WORDS, nullable=False),
        sa.Column("upstream_id", _WORDS),
        sa.Column("is_ours", sa.Boolean, nullable=False),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("is_released", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upstream_builds"),
    )
    op.create_index(
        "ix_upstream_builds_environment_id", "upstream_builds", ["environment_id"]
    )


def downgrade() -> None:
    """Remove the table; builds that run in Renku end there and nobody follows them."""
    op.drop_table("upstream_builds")
