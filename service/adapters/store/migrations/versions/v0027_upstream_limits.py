"""What is known of an upstream Renku: parameters, commits, tokens."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0027"
down_revision = "0026"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add them; what environments are built with is read in the next round."""
    op.create_table(
        "upstream_environments",
        sa.Column("id", _WORDS, nullable=False),
        sa.Column("project_id", _WORDS, nullable=False),
        sa.Column("parameters", _WORDS, nullable=False),
        sa.Column("changed_before", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_upstream_environments"),
    )
    op.create_index(
        "ix_upstream_environments_project_id", "upstream_environments", ["project_id"]
    )
    op.add_column("upstream_builds", sa.Column("head_requested_at", sa.BigInteger))
    op.create_table(
        "upstream_tokens",
        sa.Column("id", _WORDS, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("renewals", sa.BigInteger, nullable=False),
        sa.Column("renewed_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upstream_tokens"),
    )


def downgrade() -> None:
    """Remove them; a refresh token that was replaced has to be configured anew."""
    op.drop_table("upstream_tokens")
    op.drop_column("upstream_builds", "head_requested_at")
    op.drop_table("upstream_environments")
