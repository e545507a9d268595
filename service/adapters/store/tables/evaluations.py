"""The tables of evaluations: what was seen, what is due, who asked."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
)

from service.adapters.store.columns import PLACE, Instant, Json, Words
from service.adapters.store.tables.metadata import METADATA, partial_index

__all__ = [
    "NEVER_SWEPT",
    "appointments",
    "asks",
    "evaluation_deliveries",
    "evaluations",
    "sweeps",
]

evaluations: Final = Table(
    "evaluations",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("source_id", Words, ForeignKey("sources.id"), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("evidence", Words, nullable=False),
    Column("delivery_ids", Json, nullable=False),
    Column("verdict", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("changed", Json, nullable=False),
    Column("commit_id", Words),
    Column("ref", Words),
    Column("previous", Words),
    Column("fingerprint", Words),
    Column("kind", Words),
    Column("items", Json, nullable=False),
    Column("findings", Json, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("completed_at", Instant, nullable=False),
    Index(None, "source_id", "completed_at", "id"),
    Index(None, "completed_at", "verdict"),
    Index(None, "commit_id"),
)


evaluation_deliveries: Final = Table(
    "evaluation_deliveries",
    METADATA,
    Column("delivery_id", Words, primary_key=True),
    Column("evaluation_id", Words, ForeignKey("evaluations.id"), primary_key=True),
    # Without it each evaluation that is removed reads all of this table.
    Index(None, "evaluation_id"),
)


appointments: Final = Table(
    "appointments",
    METADATA,
    Column("source_id", Words, primary_key=True),
    Column("first_asked_at", Instant),
    Column("due_at", Instant),
    Column("attempts", BigInteger, nullable=False),
    Column("claimed_until", Instant),
    Column("looked_at", Instant),
    Column("trouble", Text, nullable=False, server_default=""),
    Index(None, "due_at"),
    partial_index(
        "ix_appointments_claimed", "claimed_until", where="claimed_until IS NOT NULL"
    ),
)


NEVER_SWEPT: Final = "interval_ms = 0"
"""Sources without a first turn yet."""


sweeps: Final = Table(
    "sweeps",
    METADATA,
    Column("source_id", Words, ForeignKey("sources.id"), primary_key=True),
    Column("host", Words, nullable=False, server_default=""),
    Column("interval_ms", BigInteger, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("polled_at", Instant),
    Index(None, "due_at"),
    Index(None, "polled_at"),
    Index(None, "host", "due_at", "source_id"),
    partial_index("ix_sweeps_new", "source_id", where=NEVER_SWEPT),
)
"""A row for each source that launchers track. Triggers add and remove them."""


asks: Final = Table(
    "asks",
    METADATA,
    Column("place", PLACE, primary_key=True),
    Column("source_id", Words, nullable=False),
    Column("evidence", Words, nullable=False),
    Column("delivery_id", Words),
    Column("rebuild_ids", Json, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("traceparent", Words),
    Column("suggested_number", BigInteger),
    Column("changed_paths", Json),
    # Requests of a source are read in the order in which they came: the first decides
    # when it is due at the latest.
    Index(None, "source_id", "place"),
    # As for the outbox: `settle` removes requests by number, and a number that is given
    # out again would be a request that nobody has seen.
    sqlite_autoincrement=True,
)
