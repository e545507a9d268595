"""The ledger's tables. The migrations make them; a test proves that both agree.

Times are microseconds, deep values are JSON in TEXT, ids sort by code point: the same
in both engines. History (evaluations, rebuilds, builds, deliveries, logs) refers to
launchers and hooks by id only, because it outlives them.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from service.adapters.store.columns import PLACE, Instant, Json, Words

__all__ = [
    "METADATA",
    "UNFINISHED",
    "UNSERVED",
    "appointments",
    "asks",
    "bases",
    "builds",
    "deliveries",
    "evaluation_deliveries",
    "evaluations",
    "hooks",
    "images",
    "launcher_names",
    "launchers",
    "leases",
    "log_lines",
    "logs",
    "outbox",
    "rebuilds",
    "sources",
    "sweeps",
]

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

hooks: Final = Table(
    "hooks",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("forge", Words, nullable=False),
    Column("proof", Words, nullable=False),
    Column("host", Words, nullable=False),
    Column("path", Words, nullable=False),
    Column("url", Words, nullable=False),
    Column("number", BigInteger),
    Column("secrets", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("rotated_at", Instant),
    Column("reach", Words, nullable=False, server_default="repository"),
    Column("forge_id", Words),
    Column("checkup", Json),
)

sources: Final = Table(
    "sources",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("host", Words, nullable=False),
    Column("label", Words, nullable=False),
    Column("path", Words, nullable=False),
    Column("url", Words, nullable=False),
    Column("number", BigInteger),
    Column("revision_kind", Words, nullable=False),
    Column("revision_name", Words, nullable=False),
    Column("context_dir", Words, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("seen", Json),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint(
        "host",
        "label",
        "revision_kind",
        "revision_name",
        "context_dir",
        name="uq_sources_identity",
    ),
    Index(None, "host", "number"),
)

UNSERVED: Final = (
    "policy <> 'manual'"
    " AND wanted_key IS NOT NULL"
    " AND (image_key IS NULL OR image_key <> wanted_key)"
    " AND (policy <> 'notify' OR available_key IS NULL OR available_key <> wanted_key"
    " OR available_generation <= generation)"
    " AND (held_key IS NULL OR held_key <> wanted_key OR held_until IS NOT NULL)"
)
"""Launchers without the image that they want, but for those whose build failed for
good. Written out, as both engines use a partial index only where a query repeats its
words, and few launchers are in it."""

launchers: Final = Table(
    "launchers",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("project_id", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("environment_id", Words, nullable=False, unique=True),
    Column("source_id", Words, ForeignKey("sources.id"), nullable=False),
    Column("builder", Words, nullable=False),
    Column("frontend", Words, nullable=False),
    Column("platform", Words, nullable=False),
    Column("policy", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("description", Words),
    Column("launcher_type", Words, nullable=False),
    Column("resource_class_id", BigInteger),
    Column("disk_storage", BigInteger),
    Column("env_variables", Json),
    Column("command", Json, nullable=False),
    Column("args", Json, nullable=False),
    Column("wanted_key", Words),
    Column("wanted_generation", BigInteger, nullable=False),
    Column("wanted_builder", Words),
    Column("held_key", Words),
    Column("held_until", Instant),
    Column("generation", BigInteger, nullable=False),
    Column("image", Words),
    Column("image_key", Words),
    Column("available_generation", BigInteger, nullable=False),
    Column("available_image", Words),
    Column("available_key", Words),
    Index(None, "source_id", "created_at", "id"),
    Index(None, "project_id", "created_at", "id"),
    Index(None, "name", "created_at", "id"),
    Index(None, "created_at", "id"),
    Index(
        "ix_launchers_behind",
        "id",
        postgresql_where=text(UNSERVED),
        sqlite_where=text(UNSERVED),
    ),
)

launcher_names: Final = Table(
    "launcher_names",
    METADATA,
    Column("project_id", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("launcher_id", Words, nullable=False),
    Index(None, "launcher_id"),
)
"""Whose a name is: two requests at the same moment cannot both have it."""

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
    Index(None, "commit_id"),
)

evaluation_deliveries: Final = Table(
    "evaluation_deliveries",
    METADATA,
    Column("delivery_id", Words, primary_key=True),
    Column("evaluation_id", Words, ForeignKey("evaluations.id"), primary_key=True),
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
)

sweeps: Final = Table(
    "sweeps",
    METADATA,
    Column("source_id", Words, ForeignKey("sources.id"), primary_key=True),
    Column("interval_ms", BigInteger, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Index(None, "due_at"),
)

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
    Index(None, "source_id", "place"),
    sqlite_autoincrement=True,
)

UNFINISHED: Final = "state IN ('queued', 'running')"
"""Rebuilds that something can still happen to."""

rebuilds: Final = Table(
    "rebuilds",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("environment_id", Words, nullable=False),
    Column("launcher_id", Words, nullable=False),
    Column("source_id", Words, nullable=False),
    Column("evidence", Words, nullable=False),
    Column("is_fresh", Boolean, nullable=False),
    Column("evaluation_id", Words),
    Column("plan", Json),
    Column("key", Words),
    Column("state", Words, nullable=False),
    Column("build_id", Words),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("completed_at", Instant),
    Column("failure", Json),
    Column("image", Words),
    Column("reason", Words, nullable=False),
    Index(None, "environment_id", "created_at", "id"),
    Index(None, "build_id"),
    Index(None, "evaluation_id"),
    Index(None, "state", "created_at", "id"),
    Index(None, "created_at", "id"),
    Index(
        "ix_rebuilds_unfinished",
        "environment_id",
        postgresql_where=text(UNFINISHED),
        sqlite_where=text(UNFINISHED),
    ),
)

builds: Final = Table(
    "builds",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("key", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("recipe", Json, nullable=False),
    Column("kind", Words, nullable=False),
    Column("repository_url", Words, nullable=False),
    Column("commit_id", Words, nullable=False),
    Column("context_dir", Words, nullable=False),
    Column("path", Words, nullable=False),
    Column("environment_id", Words, nullable=False),
    Column("project_id", Words, nullable=False),
    Column("is_fresh", Boolean, nullable=False),
    Column("previous_image", Words),
    Column("attempt", Integer, nullable=False),
    Column("not_before", Instant),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("completed_at", Instant),
    Column("failure", Json),
    Column("image", Json),
    Column("declared", Json),
    Column("kept", Json),
    Column("phases", Json),
    Column("traceparent", Words),
    Index(None, "state", "created_at", "id"),
    Index(None, "state", "completed_at"),
    Index(None, "key", "state", "completed_at"),
    Index(None, "project_id", "repository_url", "state", "completed_at"),
)

images: Final = Table(
    "images",
    METADATA,
    Column("key", Words, primary_key=True),
    Column("image", Json, nullable=False),
)

bases: Final = Table(
    "bases",
    METADATA,
    Column("reference", Words, primary_key=True),
    Column("digest", Words, nullable=False),
    Column("seen_at", Instant, nullable=False),
)
"""Builder and run images that are named by tag, and what they were last seen to be."""

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

logs: Final = Table(
    "logs",
    METADATA,
    Column("build_id", Words, primary_key=True),
    Column("lines", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("is_cut", Boolean, nullable=False),
)

log_lines: Final = Table(
    "log_lines",
    METADATA,
    Column("build_id", Words, ForeignKey("logs.build_id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("phase", Words, nullable=False),
    Column("text", Words, nullable=False),
)
