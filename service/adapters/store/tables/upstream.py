"""The tables of what an upstream Renku has and does."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from service.adapters.store.columns import Instant, Words
from service.adapters.store.tables.metadata import METADATA

__all__ = ["upstream_builds", "upstream_environments", "upstream_tokens"]

upstream_builds: Final = Table(
    "upstream_builds",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("environment_id", Words, nullable=False),
    Column("upstream_id", Words),
    Column("is_ours", Boolean, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("head_requested_at", Instant),
    Column("is_released", Boolean, nullable=False),
    Index(None, "environment_id"),
)
"""Builds that an upstream Renku makes: by our id, with the id that Renku gave."""


upstream_environments: Final = Table(
    "upstream_environments",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("project_id", Words, nullable=False),
    Column("parameters", Words, nullable=False),
    Column("changed_before", Instant),
    Index(None, "project_id"),
)
"""What environments are built with there, and since when."""


upstream_tokens: Final = Table(
    "upstream_tokens",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("secrets", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("renewals", BigInteger, nullable=False),
    Column("renewed_at", Instant, nullable=False),
)
"""What its identity provider gave last, encrypted: by the configured refresh token."""
