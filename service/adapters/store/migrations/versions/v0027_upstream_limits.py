"""Which builds of an upstream Renku are of today's parameters and commits is known."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0027"
down_revision = "0026"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table; what environments are built with is read in the next round."""
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


def downgrade() -> None:
    """Remove the table and the column."""
    op.drop_column("upstream_builds", "head_requested_at")
    op.drop_table("upstream_environments")
