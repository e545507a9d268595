"""Projects are found where they were before; kept answers have their headers."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0029"
down_revision = "0028"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a table, and a column that may be empty."""
    op.create_table(
        "project_addresses",
        sa.Column("namespace", _WORDS, nullable=False),
        sa.Column("slug", _WORDS, nullable=False),
        sa.Column(
            "project_id",
            _WORDS,
            sa.ForeignKey("projects.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("namespace", "slug"),
    )
    op.create_index(
        "ix_project_addresses_project_id", "project_addresses", ["project_id"]
    )
    op.add_column("idempotency_keys", sa.Column("headers", sa.Text))


def downgrade() -> None:
    """Remove them."""
    op.drop_column("idempotency_keys", "headers")
    op.drop_table("project_addresses")
