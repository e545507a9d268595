"""Databases for tests: a file of SQLite, or a schema of a PostgreSQL that is there."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

import asyncpg
import pytest
from cryptography.fernet import Fernet

from service.domain.hook import Secret

__all__ = ["TEST_KEY", "a_key", "postgresql_schema"]

TEST_KEY: Final = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""A key that encrypts secrets in tests."""

_VARIABLE: Final = "RELAUNCH_TEST_POSTGRESQL"
_USUAL: Final = (
    "postgresql://postgres@127.0.0.1:5432/test",
    "postgresql://root@127.0.0.1:5432/test",
)


def a_key() -> Secret:
    """Make another key."""
    return Secret(Fernet.generate_key().decode())


@asynccontextmanager
async def postgresql_schema() -> AsyncIterator[str]:
    """Give the URL of an empty schema of its own; skip the test without PostgreSQL."""
    server = await asyncio.to_thread(_server)
    if server is None:
        pytest.skip(f"no PostgreSQL: set {_VARIABLE} to the URL of a database")
    name = f"t_{uuid.uuid4().hex}"
    await _run(server, f"CREATE SCHEMA {name}")
    try:
        yield f"{server}{'&' if '?' in server else '?'}search_path={name}"
    finally:
        await _run(server, f"DROP SCHEMA {name} CASCADE")


@cache
def _server() -> str | None:
    """Find a PostgreSQL, once per test process."""
    named = os.environ.get(_VARIABLE)  # noqa: TID251 - tests have no settings tree
    for url in (named,) if named else _USUAL:
        if asyncio.run(_answers(url)):
            return url
    return None


async def _answers(url: str) -> bool:
    try:
        await _run(url, "SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    return True


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
