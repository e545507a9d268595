"""Opening a database: whose it is, what its tables are, what is said when it fails."""

import asyncio
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, select, text

from service.adapters.store import Database, SqlStore, open_database
from service.adapters.store.tables import METADATA
from service.adapters.store.tables.builds import rebuilds
from service.domain.hook import Secret
from service.errors import PermanentError, TransientError
from tests.contracts.conftest import OpenDatabase
from tests.support.databases import TEST_KEY, postgresql_schema
from tests.support.values import a_rebuild

KEYS = (Secret(TEST_KEY),)


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [
        item
        for item in compare_metadata(context, METADATA)
        if getattr(item[1], "name", "") != "alembic_version"
    ]


def modes_in(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


# SQLite cannot describe an index on an expression; PostgreSQL's is compared.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expr")
async def test_the_migrations_make_the_tables_that_the_code_speaks_of(
    databases: OpenDatabase,
) -> None:
    async with databases() as database, database.writing() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expr")
async def test_a_table_that_no_migration_makes_would_be_noticed(
    databases: OpenDatabase,
) -> None:
    async with databases() as database, database.writing() as connection:
        await connection.execute(text("DROP TABLE log_lines"))

        assert await connection.run_sync(differences) != []


async def test_what_was_kept_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/er/relaunch.db"
    for _ in range(2):
        async with (
            open_database(url, keys=KEYS) as database,
            SqlStore(database).transaction() as tx,
        ):
            await tx.rebuilds.add(a_rebuild())
            assert len(await tx.rebuilds.list(limit=9)) == 1


@pytest.mark.postgresql
async def test_processes_that_start_at_once_make_the_tables_once() -> None:
    opened: list[Database] = []

    async def start(url: str) -> None:
        async with open_database(url, keys=KEYS) as database:
            opened.append(database)
            await database.ping()

    async with postgresql_schema() as url, asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(start(url))

    assert len(opened) == 3


async def test_tables_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/relaunch.db"
    async with open_database(url, keys=KEYS) as database, database.writing() as it:
        await it.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(PermanentError, match=r"'9999'.*newer version"):
        async with open_database(url, keys=KEYS):
            pass


async def test_only_one_process_owns_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/relaunch.db"
    async with open_database(url, keys=KEYS):
        with pytest.raises(PermanentError, match="another running process"):
            async with open_database(url, keys=KEYS):
                pass

    async with open_database(url, keys=KEYS) as database:
        await database.ping()


async def test_a_new_process_waits_for_the_old_one_to_end(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/relaunch.db"

    async def run(seconds: float) -> None:
        async with open_database(url, keys=KEYS):
            await asyncio.sleep(seconds)

    async with asyncio.TaskGroup() as group:
        group.create_task(run(0.5))
        await asyncio.sleep(0.2)
        group.create_task(run(0))


async def test_anybody_may_read_the_file_beside_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "relaunch.db"
    async with open_database(f"sqlite:///{path}", keys=KEYS) as database:
        async with SqlStore(database).transaction() as tx:
            await tx.rebuilds.add(a_rebuild())
        other = sqlite3.connect(path)
        try:
            assert other.execute("SELECT count(*) FROM rebuilds").fetchone() == (1,)
        finally:
            other.close()


async def test_the_file_is_for_its_owners_eyes_only(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/relaunch.db", keys=KEYS):
        modes = await asyncio.to_thread(modes_in, tmp_path)

    assert modes == {0o600}


async def test_the_database_survives_a_power_cut(databases: OpenDatabase) -> None:
    async with databases() as database, database.writing() as connection:
        if database.is_shared:
            answer = await connection.scalar(text("SHOW synchronous_commit"))
            assert answer == "on"
            return
        assert await connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert await connection.scalar(text("PRAGMA synchronous")) == 2
        assert await connection.scalar(text("PRAGMA foreign_keys")) == 1


@pytest.mark.parametrize("is_single", [False, True])
async def test_a_reading_transaction_cannot_write(
    databases: OpenDatabase, *, is_single: bool
) -> None:
    async def write(database: Database) -> None:
        async with database.reading(is_single=is_single) as connection:
            await connection.execute(rebuilds.delete())

    async with databases() as database:
        with pytest.raises((PermanentError, TransientError)):
            await write(database)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "mysql://root:hunter2@127.0.0.1/x",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://me:hunter2@[::1/x",
        "postgresql://me:hunter2/@127.0.0.1/x",
        "postgresql://me@127.0.0.1:hunter2/x",
    ],
)
async def test_a_url_that_is_none_of_ours_is_refused_without_being_shown(
    url: str,
) -> None:
    with pytest.raises(PermanentError) as caught:
        async with open_database(url, keys=KEYS):
            pass

    assert "hunter2" not in str(caught.value)


async def test_a_server_that_does_not_answer_is_a_passing_trouble() -> None:
    url = "postgresql://me:hunter2@127.0.0.1:9/x"

    with pytest.raises(TransientError) as caught:
        async with open_database(url, keys=KEYS):
            pass
    assert "hunter2" not in str(caught.value)


@pytest.mark.postgresql
async def test_a_connection_that_the_server_ends_is_a_passing_trouble() -> None:
    async def be_ended(database: Database) -> None:
        async with database.writing() as connection:
            own = select(text("pg_backend_pid()"))
            victim = await connection.scalar(own)
            async with database.writing() as other:
                await other.execute(text(f"SELECT pg_terminate_backend({victim})"))
            await connection.execute(select(rebuilds))

    async with postgresql_schema() as url, open_database(url, keys=KEYS) as database:
        with pytest.raises(TransientError):
            await be_ended(database)

        await database.ping()


@pytest.mark.postgresql
async def test_pooled_connections_that_the_server_ended_fail_nobody() -> None:
    """As after a restart of the server; whoever comes first gets a new connection."""
    own, gone = select(func.pg_backend_pid()), "SELECT pg_terminate_backend(:pid)"
    async with (
        postgresql_schema() as url,
        open_database(url, keys=KEYS) as database,
        open_database(url, keys=KEYS) as killer,
    ):
        async with database.writing() as first, database.reading() as second:
            pids = [await first.scalar(own), await second.scalar(own)]
        async with killer.writing() as connection:
            for pid in pids:
                await connection.execute(text(gone), {"pid": pid})
        while await count_alive(killer, pids):  # noqa: ASYNC110 - the server knows
            await asyncio.sleep(0.02)

        for is_single in (True, False):
            async with database.reading(is_single=is_single) as connection:
                assert await connection.scalar(own) not in pids


async def count_alive(database: Database, pids: Sequence[object]) -> int:
    seen = text("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(:pids)")
    async with database.reading() as connection:
        return int(await connection.scalar(seen, {"pids": list(pids)}) or 0)


@pytest.mark.postgresql
async def test_a_single_look_up_begins_no_transaction_and_another_reading_does() -> (
    None
):
    when = select(func.now())  # of the transaction
    async with postgresql_schema() as url, open_database(url, keys=KEYS) as database:
        seen = []
        for is_single in (True, False):
            async with database.reading(is_single=is_single) as connection:
                times = [await connection.scalar(when) for _ in range(2)]
                seen.append(len(set(times)))

    assert seen == [2, 1]


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "relaunch.db"
    path.write_text("this is not a database, but long enough to be looked at" * 20)

    with pytest.raises(PermanentError, match="not a database"):
        async with open_database(f"sqlite:///{path}", keys=KEYS):
            pass


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(PermanentError, match=r"file/relaunch\.db"):
        async with open_database(f"sqlite:///{tmp_path}/file/relaunch.db", keys=KEYS):
            pass
