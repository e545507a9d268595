"""The embedded bus's tables, in the store's database."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from service.adapters.store.columns import PLACE, Instant, Words
from service.adapters.store.tables.metadata import METADATA, partial_index

__all__ = ["bus_events", "bus_queue"]

bus_events: Final = Table(
    "bus_events",
    METADATA,
    Column("place", PLACE, primary_key=True),
    Column("id", Words, nullable=False, unique=True),
    Column("name", Words, nullable=False),
    Column("body", Text, nullable=False),
    Column("published_at", Instant, nullable=False),
    Index(None, "published_at"),
    sqlite_autoincrement=True,
)

bus_queue: Final = Table(
    "bus_queue",
    METADATA,
    Column("place", PLACE, primary_key=True),
    Column("role", Words, nullable=False),
    Column("event", ForeignKey("bus_events.place"), nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("available_at", Instant, nullable=False),
    Column("claimed_by", Words),
    Column("claimed_until", Instant),
    Column("error", Words, nullable=False),
    Column("died_at", Instant),
    UniqueConstraint("role", "event"),
    # Dead letters stay here for months; the hunt for the next message skips them.
    partial_index("ix_bus_queue_live", "role", "place", where="died_at IS NULL"),
    partial_index("ix_bus_queue_dead", "died_at", "place", where="died_at IS NOT NULL"),
    Index(None, "event"),
    sqlite_autoincrement=True,
)
