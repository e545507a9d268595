"""The tables of rebuilds, builds, their logs and the images that they make."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
)

from service.adapters.store.columns import Instant, Json, Words
from service.adapters.store.tables.metadata import METADATA, partial_index

__all__ = [
    "ENDED",
    "FAILED",
    "UNASSIGNED",
    "UNFINISHED",
    "UNPLANNED",
    "WITH_IMAGE",
    "bases",
    "builds",
    "images",
    "log_lines",
    "logs",
    "rebuilds",
]

UNFINISHED: Final = "state IN ('queued', 'running')"
"""Rebuilds that something can still happen to."""


ENDED: Final = "state NOT IN ('queued', 'running')"
"""Rebuilds that are over."""


UNASSIGNED: Final = f"{UNFINISHED} AND key IS NOT NULL AND build_id IS NULL"
"""Rebuilds that the schedule has to decide for."""


FAILED: Final = "state = 'failed'"


UNPLANNED: Final = "state IN ('queued', 'running') AND key IS NULL"
"""Rebuilds that an evaluation has to plan."""


NAMED: Final = "image IS NOT NULL"
"""Rebuilds that ended with an image."""


WITH_IMAGE: Final = "state = 'succeeded' AND image_removed_at IS NULL"
"""Builds whose image is there, as far as we know."""


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
    partial_index("ix_rebuilds_unfinished", "environment_id", where=UNFINISHED),
    partial_index("ix_rebuilds_unplanned", "source_id", "created_at", where=UNPLANNED),
    partial_index("ix_rebuilds_failed", "completed_at", "id", where=FAILED),
    partial_index("ix_rebuilds_unassigned", "id", where=UNASSIGNED),
    partial_index("ix_rebuilds_attached", "build_id", "id", where=UNFINISHED),
    partial_index("ix_rebuilds_image", "image", where=NAMED),
    # They are counted by it alone, and it is written once for each. SQLite reads the
    # state again, although the condition implies it.
    partial_index("ix_rebuilds_ended", "created_at", "reason", "state", where=ENDED),
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
    Column("ref", Words),
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
    Column("image_removed_at", Instant),
    partial_index("ix_builds_with_image", "completed_at", "id", where=WITH_IMAGE),
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
