"""The tables of hooks, sources, environments and launchers."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from service.adapters.store.columns import Instant, Json, Words
from service.adapters.store.tables.metadata import METADATA, partial_index

__all__ = [
    "BUILT",
    "FOLLOWED",
    "HELD",
    "SCHEDULED",
    "UNSERVED",
    "environments",
    "hooks",
    "launcher_names",
    "launchers",
    "pauses",
    "sources",
]

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
    Index(None, "created_at", "id"),
    Index("ix_hooks_host_path", "host", text("lower(path)")),
)

FOLLOWED: Final = "followers > 0"
"""Sources that launchers track; the others are of the past."""

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
    Column("access", Words, nullable=False, server_default="credential"),
    Column("generation", BigInteger, nullable=False),
    Column("seen", Json),
    Column("created_at", Instant, nullable=False),
    # How many launchers track it. Triggers keep it.
    Column("followers", BigInteger, nullable=False, server_default="0"),
    # By label and not by number: a number is unknown until the first evaluation, and a
    # unique key treats unknown values as different.
    UniqueConstraint(
        "host",
        "label",
        "revision_kind",
        "revision_name",
        "context_dir",
        "access",
        name="uq_sources_identity",
    ),
    Index(None, "host", "number"),
    partial_index("ix_sources_followed", "created_at", "id", where=FOLLOWED),
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

SCHEDULED: Final = "rebuild_schedule <> 'never'"
"""Launchers whose images are built anew from time to time; few in most places."""

HELD: Final = "policy <> 'manual' AND held_key IS NOT NULL"
"""Launchers that wait after a failure or a cancellation."""

BUILT: Final = "policy <> 'manual' AND wanted_builder IS NOT NULL"
"""Launchers that another builder image may outdate."""

environments: Final = Table(
    "environments",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("description", Words),
    Column("image", Words, nullable=False),
    Column("settings", Json, nullable=False),
    Column("command", Json, nullable=False),
    Column("args", Json, nullable=False),
    Column("is_archived", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at", "id"),
)
"""Those that launchers of all projects may take."""

OF_GLOBAL: Final = "global_environment_id IS NOT NULL"
"""Launchers that take a global environment."""

launchers: Final = Table(
    "launchers",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("project_id", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("environment_id", Words, nullable=False, unique=True),
    Column("source_id", Words, ForeignKey("sources.id")),
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
    Column("rebuild_schedule", Words, nullable=False, server_default="never"),
    Column("is_pinned", Boolean, nullable=False, server_default=text("false")),
    Column("built_at", Instant),
    Column("pinned_at", Instant),
    Column("environment_kind", Words, nullable=False, server_default="code"),
    Column("global_environment_id", Words, ForeignKey("environments.id")),
    Column("repository", Words),
    Column("environment", Json),
    partial_index("ix_launchers_global", "global_environment_id", where=OF_GLOBAL),
    Index(None, "source_id", "created_at", "id"),
    Index(None, "project_id", "created_at", "id"),
    Index(None, "name", "created_at", "id"),
    Index(None, "image"),
    Index(None, "created_at", "id"),
    partial_index("ix_launchers_behind", "id", where=UNSERVED),
    partial_index(
        "ix_launchers_schedule", "rebuild_schedule", "built_at", "id", where=SCHEDULED
    ),
    partial_index("ix_launchers_held", "id", where=HELD),
    partial_index(
        "ix_launchers_builder",
        "frontend",
        "wanted_builder",
        "built_at",
        "id",
        where=BUILT,
    ),
)

pauses: Final = Table(
    "pauses",
    METADATA,
    Column("scope", Words, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("by_whom", Words),
    Column("reason", Text, nullable=False, server_default=""),
)
"""Where nothing is built by itself: projects by id, or everywhere."""

launcher_names: Final = Table(
    "launcher_names",
    METADATA,
    Column("project_id", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("launcher_id", Words, nullable=False),
    Index(None, "launcher_id"),
)
"""Whose a name is: two requests at the same moment cannot both have it."""
