"""Who follows `docs/upgrade.md` gets back what was there: every block is run."""

import asyncio
import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from yarl import URL

from service.adapters.store import SqlStore, open_database
from service.adapters.store.database.database import database_engines
from service.adapters.store.database.schema import newest_version
from service.domain.hook import HookId
from tests.adapters.store.database.tables import Rows, read_rows
from tests.adapters.store.database.test_migrations import KEYS, fill
from tests.docs.reading import Page
from tests.docs.shell import run
from tests.support.databases import TEST_KEY, postgresql_schema

PAGE: Final = Page("docs/upgrade.md")


async def rows(url: str) -> Rows:
    async with database_engines(url) as engines, engines.readers.connect() as reader:
        return await reader.run_sync(read_rows)


async def expect_usable(url: str) -> None:
    """Read what is encrypted, and count what triggers count."""
    async with open_database(url, keys=KEYS, migrates=False) as database:
        store = SqlStore(database)
        async with store.transaction() as tx:
            hook = await tx.hooks.get(HookId("hook-0"))
            assert [secret.reveal() for secret in hook.secrets] == ["secret 0"]
            await tx.hooks.remove(HookId("hook-1"))
        async with store.reading() as tx:
            assert await tx.hooks.count() == 1


async def test_a_file_is_backed_up_while_it_is_written_and_restored(
    tmp_path: Path,
) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    for folder in (data, work):
        folder.mkdir()
    url = f"sqlite:///{data}/relaunch.sqlite"
    (data / "secret-key").write_text(TEST_KEY)
    (data / "token").write_text("t")
    here = {"RELAUNCH_DATA": str(data)}
    async with open_database(url, keys=KEYS) as database:
        await fill(SqlStore(database))
        # A transaction that is open when the backup is made is no part of it.
        async with SqlStore(database).transaction() as tx:
            await tx.hooks.remove(HookId("hook-1"))
            await run(PAGE.block("python3 -c"), work, **here)
    with sqlite3.connect(work / "backup.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM hooks").fetchone() == (2,)
    connection.close()
    await asyncio.to_thread(shutil.rmtree, data)
    data.mkdir()

    await run(PAGE.block("rm -f"), work, **here)

    said = await run(PAGE.block("relaunch migrate --check"), work, **here)
    assert said == f"the database has schema {newest_version()}\n"
    assert len((await rows(url))["hooks"]) == 2
    await expect_usable(url)


@asynccontextmanager
async def database_of_its_own() -> AsyncIterator[str]:
    """Give the URL of an empty database; what is dumped is a whole one."""
    async with postgresql_schema() as schema:
        server = str(URL(schema).with_query(None))
    name = f"t_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield str(URL(server).with_path(f"/{name}"))
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@pytest.mark.postgresql
async def test_a_server_is_backed_up_and_restored_and_goes_back_and_forth(
    tmp_path: Path,
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump on this machine")
    async with database_of_its_own() as url, database_of_its_own() as other:
        await run(PAGE.block("relaunch migrate\n"), tmp_path, RELAUNCH_DATABASE=url)
        async with open_database(url, keys=KEYS, migrates=False) as database:
            await fill(SqlStore(database))
        before = await rows(url)
        await run(PAGE.block("pg_dump"), tmp_path, RELAUNCH_DATABASE=url)
        there = {"RELAUNCH_DATABASE": other}
        await run(PAGE.block("pg_restore"), tmp_path, **there)
        restored = await rows(other)

        assert "already" in await run(
            PAGE.block("relaunch migrate\n"), tmp_path, **there
        )
        assert restored == before
        back = await run(PAGE.block("relaunch migrate --down"), tmp_path, **there)
        assert "and has schema" in back
        await run(PAGE.block("relaunch migrate\n"), tmp_path, **there)
        await expect_usable(other)
