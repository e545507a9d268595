"""The tables of outgoing notifications."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from service.adapters.store.columns import Instant, Json, Words
from service.adapters.store.tables.metadata import METADATA, partial_index

__all__ = ["WAITING", "channels", "notifications", "streaks"]

WAITING: Final = "delivered_at IS NULL"
"""Notifications that are still to be sent."""

channels: Final = Table(
    "notification_channels",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("project_id", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("target", Words, nullable=False),
    Column("topics", Json, nullable=False),
    Column("secret", Words),
    Column("created_at", Instant, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_error", Words, nullable=False),
    Column("disabled_at", Instant),
    Index(None, "project_id", "created_at", "id"),
)

notifications: Final = Table(
    "notifications",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("channel_id", Words, ForeignKey("notification_channels.id"), nullable=False),
    Column("topic", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("data", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", Instant),
    Column("last_error", Words, nullable=False),
    Index(None, "channel_id"),
    Index(None, "created_at"),
    partial_index("ix_notifications_due", "due_at", "id", where=WAITING),
)

streaks: Final = Table(
    "notification_streaks",
    METADATA,
    Column(
        "channel_id", Words, ForeignKey("notification_channels.id"), primary_key=True
    ),
    Column("subject", Words, primary_key=True),
    Column("since", Instant, nullable=False),
)
"""What fails, as a mailbox was told; the next failure of it is no news."""
