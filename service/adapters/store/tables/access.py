"""The tables of projects, their members, users and API tokens.

A launcher refers to its project by id only, as before there were projects.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from service.adapters.store.columns import Instant, Json, Words
from service.adapters.store.tables.metadata import METADATA

__all__ = [
    "UNSETTLED",
    "idempotency_keys",
    "members",
    "project_addresses",
    "project_repositories",
    "projects",
    "tokens",
    "users",
]

UNSETTLED: Final = "NOT is_settled"
"""Projects whose launchers' access may not fit their links: few, and seldom."""

projects: Final = Table(
    "projects",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("namespace", Words, nullable=False),
    Column("slug", Words, nullable=False),
    Column("created_by", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("visibility", Words, nullable=False),
    Column("description", Words),
    Column("documentation", Words),
    Column("keywords", Json, nullable=False),
    Column("is_template", Boolean, nullable=False, server_default=text("false")),
    Column("secrets_mount_directory", Words, nullable=False),
    Column("is_settled", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("namespace", "slug"),
    Index(None, "created_at", "id"),
    Index("ix_projects_address", text("lower(namespace)"), text("lower(slug)")),
    Index(
        "ix_projects_unsettled",
        "id",
        postgresql_where=text(UNSETTLED),
        sqlite_where=text(UNSETTLED),
    ),
)

project_repositories: Final = Table(
    "project_repositories",
    METADATA,
    Column("project_id", Words, ForeignKey("projects.id"), primary_key=True),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("url", Words, nullable=False),
    Column("host", Words),
    Column("label", Words),
    Column("is_granted", Boolean, nullable=False, server_default=text("false")),
    Column("is_by_rule", Boolean, nullable=False, server_default=text("false")),
    Index(None, "host", "label"),
)
"""Linked repositories, in their order; `host` and `label` of those that can be
built."""

project_addresses: Final = Table(
    "project_addresses",
    METADATA,
    Column("namespace", Words, primary_key=True),
    Column("slug", Words, primary_key=True),
    # The version before removes projects without these rows, while both run.
    Column(
        "project_id",
        Words,
        ForeignKey("projects.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Index(None, "project_id"),
)
"""Addresses that projects have left, in lower case; the last that did."""

members: Final = Table(
    "project_members",
    METADATA,
    Column("project_id", Words, ForeignKey("projects.id"), primary_key=True),
    Column("user_id", Words, primary_key=True),
    Column("role", Words, nullable=False),
    Index(None, "user_id", "project_id"),
)

users: Final = Table(
    "users",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("username", Words, nullable=False),
    Column("email", Words),
    Column("first_name", Words),
    Column("last_name", Words),
)

tokens: Final = Table(
    "api_tokens",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("prefix", Words, nullable=False),
    Column("digest", Words, nullable=False, unique=True),
    Column("user_id", Words, nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("role", Words, nullable=False),
    Column("projects", Json),
    Column("administers", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    Index(None, "user_id", "created_at", "id"),
    Index(None, "created_at", "id"),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    METADATA,
    Column("key", Words, primary_key=True),
    Column("request", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("status", Integer),
    Column("body", Text),
    Column("headers", Json),
    Index(None, "created_at"),
)
"""Requests that are done once, and their answers, for a day."""
