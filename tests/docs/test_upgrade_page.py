"""Who follows `docs/upgrade.md` gets back what was there: every block is run."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from yarl import URL

from scripts.docs import ROOT
from service.adapters.store import SqlStore, open_database
from service.adapters.store.database.database import database_engines
from service.adapters.store.database.schema import newest_version
from service.domain.hook import HookId
from tests.adapters.store.database.tables import Rows, read_rows
from tests.adapters.store.database.test_migrations import KEYS, fill
from tests.docs.test_kubernetes_page import blocks
from tests.support.databases import TEST_KEY, postgresql_schema

PAGE: Final = (ROOT / "docs" / "upgrade.md").read_text()
NOT_RUN: Final = {"helm -n relaunch rollback relaunch": "needs an installation"}


def block(start: str) -> str:
    """Return the block that begins like this; with its end, the whole of it."""
    (found,) = (text for _, text in blocks(PAGE) if f"{text}\n".startswith(start))
    return found


def test_every_block_is_run_by_a_test_of_this_file() -> None:
    run = Path(__file__).read_text()
    for _, text in blocks(PAGE):
        assert text in NOT_RUN or f'block("{text[:5]}' in run, text


async def run(script: str, folder: Path, **variables: str) -> str:
    """Run lines of the page as an operator's shell does."""
    program = await asyncio.create_subprocess_exec(
        "bash",
        "-euc",
        script,
        cwd=folder,
        env={
            "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",  # noqa: TID251
            "HOME": str(folder),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await program.communicate()
    assert program.returncode == 0, said.decode()
    return said.decode()


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
            await run(block("python3 -c"), work, **here)
    with sqlite3.connect(work / "backup.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM hooks").fetchone() == (2,)
    connection.close()
    await asyncio.to_thread(shutil.rmtree, data)
    data.mkdir()

    await run(block("rm -f"), work, **here)

    said = await run(block("relaunch migrate --check"), work, **here)
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
        await run(block("relaunch migrate\n"), tmp_path, RELAUNCH_DATABASE=url)
        async with open_database(url, keys=KEYS, migrates=False) as database:
            await fill(SqlStore(database))
        before = await rows(url)
        await run(block("pg_dump"), tmp_path, RELAUNCH_DATABASE=url)
        there = {"RELAUNCH_DATABASE": other}
        await run(block("pg_restore"), tmp_path, **there)
        restored = await rows(other)

        assert "already" in await run(block("relaunch migrate\n"), tmp_path, **there)
        assert restored == before
        back = await run(block("relaunch migrate --down"), tmp_path, **there)
        assert "and has schema" in back
        await run(block("relaunch migrate\n"), tmp_path, **there)
        await expect_usable(other)
