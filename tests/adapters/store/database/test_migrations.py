"""Every migration since the first release, up and down, over rows that are there."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.store import SqlStore, open_database
from service.adapters.store.database.database import database_engines
from service.adapters.store.database.maintenance import (
    downgrade_database,
    read_schema,
    upgrade_database,
)
from service.adapters.store.database.migration import (
    FIRST_RELEASED,
    migrate,
    migrate_down,
)
from service.adapters.store.database.schema import newest_version, schema_version
from service.adapters.store.migrations.concurrent_indexes import (
    IndexChanges,
    apply_index_changes,
)
from service.domain.building.build import BuildState, EnvironmentId
from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.launcher import LauncherId
from service.domain.repository import Repository
from service.domain.source import SourceId
from service.errors import PermanentError
from tests.adapters.store.database.tables import Rows, read_rows, read_shape
from tests.support.clock import NOW
from tests.support.databases import TEST_KEY, postgresql_schema
from tests.support.values import (
    a_build,
    a_launcher,
    a_rebuild,
    a_source,
    an_evaluation,
    an_image,
)

KEYS = (Secret(TEST_KEY),)
RECORDED = Path(__file__).parents[3] / "recorded" / "databases" / "0.1.0.sql"

COMPUTED: Mapping[str, frozenset[str]] = {
    "0017": frozenset({"totals", "sources.followers", "sweeps"}),
}
"""What a migration makes of rows that are there: tables, or columns of tables."""


Seen = tuple[dict[str, Any], Rows]
"""The shape of a database and its rows."""


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Give the URL of a database in which work is under way."""
    async with AsyncExitStack() as stack:
        found = f"sqlite:///{tmp_path}/relaunch.db"
        if request.param == "postgresql":
            found = await stack.enter_async_context(postgresql_schema())
        async with open_database(found, keys=KEYS) as database:
            await fill(SqlStore(database))
        yield found


async def fill(store: SqlStore) -> None:
    """Have three launchers in two projects, a source nobody follows, and two hooks."""
    image = an_image()
    async with store.transaction() as tx:
        for name in ("one", "two", "three"):
            await tx.sources.find_or_add(
                a_source(
                    id=SourceId(name),
                    repository=Repository.from_url(f"https://github.com/o/{name}"),
                )
            )
        for number, source in enumerate(("one", "one", "two")):
            launcher = a_launcher(
                id=LauncherId(f"launcher-{number}"),
                name=f"n{number}",
                environment_id=EnvironmentId(f"e{number}"),
                source_id=SourceId(source),
                project_id=f"PROJECT{number % 2}",
                image=image.reference,
            )
            await tx.launchers.add(launcher)
            await tx.launchers.reserve_name(launcher)
        for number in range(2):
            await tx.hooks.add(
                Hook(
                    id=HookId(f"hook-{number}"),
                    forge=Forge.GITHUB,
                    proof=Proof.HMAC,
                    repository=Repository.from_url("https://github.com/o/one"),
                    secrets=[Secret(f"secret {number}")],
                    created_at=NOW,
                )
            )
        await tx.evaluations.add(an_evaluation(source_id=SourceId("one")))
        await tx.rebuilds.add(a_rebuild(source_id="one"))
        await tx.builds.add(
            a_build(state=BuildState.SUCCEEDED, completed_at=NOW, image=image)
        )


async def walk(engine: AsyncEngine, version: str) -> tuple[Seen, Seen, Seen]:
    """Go down one version and up again; return what was there at each of three."""
    async with engine.begin() as connection:
        assert await connection.run_sync(schema_version) == version
        before = await connection.run_sync(seen)
    below = await changed(engine, migrate_down)
    after = await changed(engine, partial(migrate, version=version))
    await changed(engine, migrate_down)  # on to the next one
    return before, below, after


async def changed(
    engine: AsyncEngine, change: Callable[[Connection], IndexChanges]
) -> Seen:
    """Change the tables, as `relaunch migrate` does; return what is there then."""
    async with engine.begin() as connection:
        changes = await connection.run_sync(change)
    await apply_index_changes(engine, changes)
    async with engine.begin() as connection:
        return await connection.run_sync(seen)


def seen(connection: Connection) -> Seen:
    return read_shape(connection), read_rows(connection)


def kept(rows: Rows, below: Seen, computed: frozenset[str] = frozenset()) -> Rows:
    """Return of some rows what the version below has, too, and what is computed."""
    shape, _ = below

    def has(table: str, column: str) -> bool:
        known = {name for name, *_ in shape[table]["columns"]} if table in shape else ()
        return column in known or bool({table, f"{table}.{column}"} & computed)

    limited = {
        table: [
            {name: value for name, value in row.items() if has(table, name)}
            for row in found
        ]
        for table, found in rows.items()
    }
    return {
        table: sorted(found, key=lambda row: sorted(map(str, row.items())))
        for table, found in limited.items()
        if any(found)
    }


# SQLite cannot describe an index on an expression.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression")
async def test_every_version_since_the_first_release_has_a_way_back_and_forth(
    url: str,
) -> None:
    """Tables, indexes and triggers are the same afterwards, and no row has changed."""
    version = newest_version()
    async with database_engines(url) as engines:
        while version > FIRST_RELEASED:
            before, below, after = await walk(engines.writers, version)
            assert after[0] == before[0], version
            computed = COMPUTED.get(version, frozenset())
            wanted = kept(before[1], below)
            # What is computed may be less there, and is whole again afterwards.
            less = {name: wanted[name] for name in wanted.keys() - computed}
            there = kept(below[1], below)
            assert {name: there[name] for name in there.keys() - computed} == less
            wanted = kept(before[1], below, computed)
            assert kept(after[1], below, computed) == wanted, version
            async with engines.readers.connect() as connection:
                found = await connection.run_sync(schema_version)
            assert found is not None
            version = found
    changed = await upgrade_database(url)

    assert (changed.before, changed.now) == (FIRST_RELEASED, newest_version())


async def test_triggers_count_what_was_there_and_what_comes_after_a_way_up(
    url: str,
) -> None:
    while (await read_schema(url)).now != FIRST_RELEASED:
        await downgrade_database(url)
    await upgrade_database(url)
    async with open_database(url, keys=KEYS) as database:
        store = SqlStore(database)
        async with store.transaction() as tx:
            more = a_launcher(
                id=LauncherId("more"),
                name="more",
                environment_id=EnvironmentId("more"),
                source_id=SourceId("three"),
                project_id="PROJECT1",
            )
            await tx.launchers.add(more)
            await tx.launchers.remove(LauncherId("launcher-2"))
        async with store.reading() as tx:
            hooks = await tx.hooks.count()
            followed = {str(source.id) for source in await tx.sources.list()}
            projects = {str(project.id) for project in await tx.projects.list()}
        async with database.reading() as connection:
            counted = await connection.execute(
                text("SELECT part, count FROM totals WHERE list = 'launchers'")
            )
            counts = {str(part): int(count) for part, count in counted}

    assert hooks == 2
    assert followed == {"one", "three"}
    assert counts == {"PROJECT0": 1, "PROJECT1": 2}
    assert {"PROJECT0", "PROJECT1"} <= projects


async def test_what_the_version_before_could_not_read_is_refused_and_nothing_changes(
    url: str,
) -> None:
    async with (
        open_database(url, keys=KEYS) as database,
        SqlStore(database).transaction() as tx,
    ):
        launcher = await tx.launchers.get(LauncherId("launcher-0"))
        await tx.launchers.save(replace(launcher, source_id=None))
    while (now := (await read_schema(url)).now) and now > "0019":
        await downgrade_database(url)

    with pytest.raises(PermanentError, match="1 launchers start from ready images"):
        await downgrade_database(url)
    assert (await read_schema(url)).now == "0019"


async def test_there_is_no_way_back_before_the_first_release(url: str) -> None:
    while (await read_schema(url)).now != FIRST_RELEASED:
        await downgrade_database(url)

    with pytest.raises(PermanentError, match="0015 is the oldest"):
        await downgrade_database(url)


async def test_processes_that_share_a_database_start_with_their_tables_alone(
    url: str,
) -> None:
    async def start() -> None:
        async with open_database(url, keys=KEYS, migrates=False) as database:
            await database.ping()

    await start()
    await downgrade_database(url)
    with pytest.raises(PermanentError, match="run `relaunch migrate` first"):
        await start()
    async with database_engines(url) as engines, engines.writers.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num='9999'"))
    with pytest.raises(PermanentError, match=r"'9999'.*newer version"):
        await start()
    with pytest.raises(PermanentError, match=r"'9999'.*newer version"):
        await downgrade_database(url)


async def test_the_first_release_comes_up_with_what_it_left(tmp_path: Path) -> None:
    """Its launchers are counted, and their projects and names are there."""
    path = tmp_path / "relaunch.db"
    connection = sqlite3.connect(path)
    connection.executescript(RECORDED.read_text())
    (launchers,) = connection.execute("SELECT count(*) FROM launchers").fetchone()
    connection.close()
    url = f"sqlite:///{path}"
    changed = await upgrade_database(url)
    async with (
        open_database(url, keys=KEYS, migrates=False) as database,
        database.reading() as reading,
    ):
        counted = await reading.scalar(
            text("SELECT sum(count) FROM totals WHERE list = 'launchers'")
        )

    assert changed.before == FIRST_RELEASED
    assert counted == launchers > 0
