"""Databases for tests: a file of SQLite, or a schema of a PostgreSQL that is there.

Our migrations make the tables once in a test process, and each test gets a copy: they
take a quarter of a second, and a thousand tests have a database.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import get_ident
from typing import Any, Final

import asyncpg
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, event

from service.adapters.store import Database, open_database
from service.adapters.store.database.maintenance import upgrade_database
from service.domain.hook import Secret

__all__ = [
    "KEYS",
    "TEST_KEY",
    "a_key",
    "migrated_schema",
    "postgresql_schema",
    "sqlite_database",
]

TEST_KEY: Final = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""A key that encrypts secrets in tests."""

KEYS: Final = (Secret(TEST_KEY),)

_VARIABLE: Final = "RELAUNCH_TEST_POSTGRESQL"
_USUAL: Final = (
    "postgresql://postgres@127.0.0.1:5432/test",
    "postgresql://root@127.0.0.1:5432/test",
)


def a_key() -> Secret:
    """Make another key."""
    return Secret(Fernet.generate_key().decode())


@asynccontextmanager
async def sqlite_database(
    path: Path, *, keys: Sequence[Secret] = KEYS
) -> AsyncIterator[Database]:
    """Open a database in a file: a new one, or what was left there."""
    await asyncio.to_thread(_write_tables, path)
    async with open_database(f"sqlite:///{path}", keys=keys) as database:
        yield database


def _write_tables(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(_sqlite_tables())


@cache
def _sqlite_tables() -> bytes:
    """Return the file of a database without content, once per test process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "relaunch.db"
        asyncio.run(upgrade_database(f"sqlite:///{path}"))
        return path.read_bytes()


@asynccontextmanager
async def migrated_schema() -> AsyncIterator[str]:
    """Give the URL of a schema of its own with today's tables, without content."""
    async with postgresql_schema() as url:
        statements = await asyncio.to_thread(_postgresql_statements)
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await _send(connection, statements)
        finally:
            await connection.close()
        yield url


_Sent = tuple[str, tuple[Any, ...]]
"""A statement, and what it was given."""


async def _send(
    connection: "asyncpg.Connection[asyncpg.Record]", statements: Sequence[_Sent]
) -> None:
    """Send statements in their order, those without parameters many at once."""
    for is_given, group in groupby(statements, key=lambda sent: bool(sent[1])):
        if is_given:
            for statement, given in group:
                await connection.execute(statement, *given)
        else:
            await connection.execute(";".join(statement for statement, _ in group))


@cache
def _postgresql_statements() -> Sequence[_Sent]:
    """Return what the migrations send to PostgreSQL, once per test process."""
    return asyncio.run(_recorded())


async def _recorded() -> Sequence[_Sent]:
    sent: list[_Sent] = []
    mine = get_ident()

    def note(*about: Any) -> None:
        _, _, statement, given, *_ = about
        # The test may speak to another database meanwhile, in its own thread.
        if get_ident() == mine and not statement.lstrip().startswith("SELECT"):
            sent.append((statement, tuple(given)))

    async with postgresql_schema() as url:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            await upgrade_database(url)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    return sent


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
