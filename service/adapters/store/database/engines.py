"""The connections of one database."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["DatabaseEngines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseEngines:
    """Pools of connections that read only, and that write."""

    readers: AsyncEngine
    single_readers: AsyncEngine
    """For single statements, where a transaction around each costs more than it."""
    writers: AsyncEngine
