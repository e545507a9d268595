"""Launchers are found by image, evaluations counted by time, requests kept by key."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0022"
down_revision = "0021"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add two indexes and a table."""
    op.create_index("ix_launchers_image", "launchers", ["image"])
    op.create_index(
        "ix_evaluations_completed_at_verdict",
        "evaluations",
        ["completed_at", "verdict"],
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", _WORDS, nullable=False),
        sa.Column("request", _WORDS, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency_keys"),
    )
    op.create_index(
        "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"]
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("idempotency_keys")
    op.drop_index("ix_evaluations_completed_at_verdict", table_name="evaluations")
    op.drop_index("ix_launchers_image", table_name="launchers")
