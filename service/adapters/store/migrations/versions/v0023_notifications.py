"""Projects have notification channels; what waits for them is kept."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0023"
down_revision = "0022"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WAITING = sa.text("delivered_at IS NULL")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "notification_channels",
        sa.Column("id", _WORDS, nullable=False),
        sa.Column("project_id", _WORDS, nullable=False),
        sa.Column("kind", _WORDS, nullable=False),
        sa.Column("target", _WORDS, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("secret", _WORDS),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_error", _WORDS, nullable=False),
        sa.Column("disabled_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_notification_channels"),
    )
    op.create_index(
        "ix_notification_channels_project_id_created_at_id",
        "notification_channels",
        ["project_id", "created_at", "id"],
    )
    op.create_table(
        "notifications",
        sa.Column("id", _WORDS, nullable=False),
        sa.Column("channel_id", _WORDS, nullable=False),
        sa.Column("topic", _WORDS, nullable=False),
        sa.Column("subject", _WORDS, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("delivered_at", sa.BigInteger),
        sa.Column("last_error", _WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["notification_channels.id"],
            name="fk_notifications_channel_id",
        ),
    )
    op.create_index("ix_notifications_channel_id", "notifications", ["channel_id"])
    op.create_index("ix_notifications_created_at", "notifications", ["created_at"])
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["due_at", "id"],
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )
    op.create_table(
        "notification_streaks",
        sa.Column("channel_id", _WORDS, nullable=False),
        sa.Column("subject", _WORDS, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "channel_id", "subject", name="pk_notification_streaks"
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["notification_channels.id"],
            name="fk_notification_streaks_channel_id",
        ),
    )


def downgrade() -> None:
    """Remove the tables."""
    for table in ("notification_streaks", "notifications", "notification_channels"):
        op.drop_table(table)
