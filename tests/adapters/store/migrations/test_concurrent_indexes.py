"""Indexes of tables that are in use: nobody who writes waits for them."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from io import StringIO
from typing import Final

import asyncpg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from service.adapters.store.database.database import database_engines, open_database
from service.adapters.store.database.maintenance import (
    SchemaVersions,
    downgrade_database,
    read_schema,
    upgrade_database,
)
from service.adapters.store.database.migration import FIRST_RELEASED, migrate
from service.adapters.store.migrations.concurrent_indexes import (
    apply_index_changes,
    declared_indexes,
)
from service.adapters.store.migrations.deferred_indexes import DeferringImpl
from service.errors import PermanentError
from tests.support.databases import KEYS, migrated_schema
from tests.support.statements import sent_statements

REPLACED: Final = {"sources"}
"""0021 gives them another unique constraint; before it there are few of them."""
NEW: Final = "ix_rebuilds_ended"
SOON: Final = timedelta(seconds=0.5)
OLD: Final = "ix_evaluations_completed_at_id"
_ADD: Final = """
    INSERT INTO rebuilds (id, environment_id, launcher_id, source_id, evidence,
      is_fresh, state, created_at, reason)
    VALUES ($1, 'e', 'l', 's', 'push', false, 'failed', 1, 'lost')
"""
_WAITING: Final = """
    SELECT pid FROM pg_stat_activity
      WHERE query LIKE 'CREATE INDEX CONCURRENTLY ' || $1 || '%'
        AND wait_event_type = 'Lock'
        AND pid IN (SELECT pid FROM pg_locks WHERE relation = 'rebuilds'::regclass)
"""
"""In the schema of whoever asks: other tests make the index in theirs."""
_NAMED: Final = """
    SELECT indexname FROM pg_indexes
      WHERE schemaname = current_schema() AND starts_with(indexname, 'ix_')
"""
_MADE: Final = re.compile(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)\S+\s+ON (\w+)")
_CONSTRAINT: Final = re.compile(r"ALTER TABLE (\w+) ADD.* (?:UNIQUE|PRIMARY KEY)")
_NEW_TABLE: Final = re.compile(r"CREATE TABLE (\w+)")

pytestmark = pytest.mark.postgresql


@asynccontextmanager
async def held_up(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Give a connection, while the new index waits for a transaction that wrote.

    Whoever makes the index begins to within the block.
    """
    slow, other = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        async with slow.transaction():
            await slow.execute(_ADD, "slow")
            yield other
    finally:
        await slow.close()
        await other.close()


async def until_index_waits(other: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Return when an index is under way, and waits for those who wrote before."""
    async with asyncio.timeout(60):
        while not await other.fetch(_WAITING, NEW):  # noqa: ASYNC110 - a database's
            await asyncio.sleep(0.05)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Give the URL of a database that lacks the newest indexes."""
    async with migrated_schema() as url:
        while (await read_schema(url)).now != "0027":
            await downgrade_database(url)
        yield url


async def upgraded(url: str) -> SchemaVersions:
    await upgrade_database(url)
    return await read_schema(url)


async def test_others_write_while_a_migration_makes_an_index(url: str) -> None:
    async with asyncio.TaskGroup() as group, held_up(url) as other:
        task = group.create_task(upgraded(url))
        await until_index_waits(other)
        await other.execute(_ADD, "quick", timeout=10)
        is_waiting = not task.done()

    assert is_waiting
    assert task.result().is_current


async def test_who_only_starts_looks_for_no_index() -> None:
    async with migrated_schema() as url:
        with sent_statements() as seen:
            async with open_database(url, keys=KEYS, migrates=False):
                pass

    assert seen
    assert not any("pg_index" in statement for statement in seen)


async def test_an_index_that_was_left_invalid_is_made_again(url: str) -> None:
    async with asyncio.TaskGroup() as group, held_up(url) as other:
        task = group.create_task(upgrade_database(url))
        await until_index_waits(other)
        task.cancel()
        await asyncio.wait([task])
        # A server that has not noticed would make the index once nobody holds it up.
        for (pid,) in await other.fetch(_WAITING, NEW):
            await other.execute("SELECT pg_terminate_backend($1)", pid)
    cut_off = await read_schema(url)

    assert cut_off.unfinished == [NEW]
    assert not cut_off.is_current
    assert (await upgraded(url)).is_current


async def test_what_waits_for_a_backup_is_left_for_the_next_migration(url: str) -> None:
    async with held_up(url), database_engines(url) as engines:
        async with engines.writers.begin() as connection:
            changes = await connection.run_sync(migrate)
        left = await apply_index_changes(engines.writers, changes, patience=SOON)
    seen = await read_schema(url)

    assert left == seen.unfinished == [NEW]
    assert seen.now == seen.wanted
    assert (await upgraded(url)).is_current


async def test_an_index_that_was_to_go_goes_with_the_next_migration(url: str) -> None:
    await upgrade_database(url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            f"CREATE INDEX {OLD} ON evaluations (completed_at, id)"
        )
    finally:
        await connection.close()
    cut_off = await read_schema(url)

    assert cut_off.unfinished == [OLD]
    assert (await upgraded(url)).is_current


async def test_a_schema_may_have_capitals_in_its_name(url: str) -> None:
    name = f"Capitals-{uuid.uuid4().hex}"
    there = re.sub("search_path=[^&]*", f"search_path=%22{name}%22", url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'CREATE SCHEMA "{name}"')
        seen = await upgraded(there)
        await connection.execute(f'DROP SCHEMA "{name}" CASCADE')
    finally:
        await connection.close()

    assert seen.is_current


async def test_two_that_migrate_at_once_do_not_wait_for_each_other(url: str) -> None:
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        tasks = [group.create_task(upgraded(url)) for _ in range(3)]

    assert all(task.result().is_current for task in tasks)


async def test_every_index_that_a_migration_drops_is_retired(url: str) -> None:
    while (await read_schema(url)).now != FIRST_RELEASED:
        await downgrade_database(url)
    await upgrade_database(url)
    connection = await asyncpg.connect(url)
    try:
        there = await connection.fetch(_NAMED)
    finally:
        await connection.close()

    declared = {str(index.name) for index in declared_indexes().made}
    assert {name for (name,) in there} == declared


def in_transactions(statements: Iterable[str]) -> set[str]:
    """Return the tables that are there before and got an index in a transaction."""
    seen = list(statements)
    held = {
        table
        for pattern in (_MADE, _CONSTRAINT)
        for statement in seen
        for table in pattern.findall(statement)
    }
    return held - {table for text in seen for table in _NEW_TABLE.findall(text)}


async def test_no_migration_makes_an_index_of_a_table_in_use_in_its_transaction(
    url: str,
) -> None:
    """Whatever a migration says, up and down; later ones are met by it, too."""
    with sent_statements() as down:
        while (await read_schema(url)).now != FIRST_RELEASED:
            await downgrade_database(url)
    with sent_statements() as up:
        await upgrade_database(url)

    assert in_transactions(down) == in_transactions(up) == REPLACED
    assert any("CREATE INDEX CONCURRENTLY" in statement for statement in up)


def test_a_unique_index_of_a_table_in_use_is_refused() -> None:
    """It would not be there yet when what relies on it runs."""
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": StringIO()}
    )
    assert isinstance(context.impl, DeferringImpl)

    with pytest.raises(PermanentError, match="ix_a is unique"):
        Operations(context).create_index("ix_a", "table_in_use", ["a"], unique=True)
