"""Inspect a database before the service starts: nothing is made or changed there."""

from dataclasses import dataclass

from sqlalchemy import text

from service.adapters.store.database.database import database_engines
from service.adapters.store.database.errors import translate_errors
from service.adapters.store.database.schema import newest_version, schema_version

__all__ = ["DatabaseInspection", "inspect_database"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInspection:
    """What answers, and which version of our tables it has."""

    server: str
    schema: str | None
    """None where there are none."""
    wanted: str


async def inspect_database(url: str) -> DatabaseInspection:
    """Describe a PostgreSQL database, and whether it has our tables.

    Raises:
        TransientError: It does not answer.
        PermanentError: Its URL cannot be read, or it refuses us.
    """
    async with database_engines(url) as engines:
        with translate_errors():
            async with engines.readers.connect() as connection:
                version = await connection.scalar(text("SHOW server_version"))
                found = await connection.run_sync(schema_version)
    return DatabaseInspection(
        server=f"PostgreSQL {version}", schema=found, wanted=newest_version()
    )
