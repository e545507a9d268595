"""The tables that the service itself runs on."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Table,
    Text,
    text,
)

from service.adapters.store.columns import PLACE, Instant, Json, Words
from service.adapters.store.tables.metadata import METADATA

__all__ = ["deliveries", "fingerprints", "leases", "outbox", "totals"]

fingerprints: Final = Table(
    "fingerprints",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("fingerprint", Words, nullable=False),
    Column("seen_at", Instant, nullable=False),
)
"""What was last seen of something whose content is not kept here, as settings."""


deliveries: Final = Table(
    "deliveries",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("hook_id", Words, nullable=False),
    Column("forge_delivery_id", Words),
    Column("event", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("repository", Words, nullable=False),
    Column("ref", Words, nullable=False),
    Column("before", Words, nullable=False),
    Column("after", Words, nullable=False),
    Column("headers", Json, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("is_by_old_secret", Boolean, nullable=False, server_default=text("false")),
    Index(None, "forge_delivery_id"),
    Index(None, "hook_id", "received_at", "id"),
    Index(None, "received_at", "id"),
)


outbox: Final = Table(
    "outbox",
    METADATA,
    Column("place", PLACE, primary_key=True),
    Column("event", Text, nullable=False),
    # Without it SQLite gives the place of a removed event to the next one, and a
    # relay that removes late would remove what it never took.
    sqlite_autoincrement=True,
)


leases: Final = Table(
    "leases",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("owner", Words, nullable=False),
    Column("held_until", Instant, nullable=False),
)


totals: Final = Table(
    "totals",
    METADATA,
    Column("list", Words, primary_key=True),
    Column("part", Words, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""How long the lists are: launchers by project, followed sources, hooks. Counting a
long list takes longer than reading a page of it, so triggers keep the numbers."""
