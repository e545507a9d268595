# ruff: noqa: S608 - what is written here is written here
"""Rights come into a database that is in use, and leave it again, with its rows."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

import service.adapters.store.migrations
from service.adapters.store.database.database import database_engines
from service.errors import PermanentError
from tests.support.databases import postgresql_schema

FOLDER = Path(service.adapters.store.migrations.__file__).parent
COURSE = "P1"
OTHER = "P2"


@asynccontextmanager
async def a_database(engine: str, folder: Path) -> AsyncIterator[AsyncEngine]:
    if engine == "sqlite":
        async with database_engines(f"sqlite:///{folder}/db.sqlite") as engines:
            yield engines.writers
        return
    async with postgresql_schema() as url, database_engines(url) as engines:
        yield engines.writers


def go(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    present = connection.execute(
        text("SELECT version_num FROM alembic_version")
        if has_version(connection)
        else text("SELECT '0000'")
    ).scalar_one()
    move = command.downgrade if revision < present else command.upgrade
    move(config, revision)


def has_version(connection: Connection) -> bool:
    return connection.dialect.has_table(connection, "alembic_version")


async def rows(engine: AsyncEngine, query: str) -> Sequence[Any]:
    async with engine.begin() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def to(engine: AsyncEngine, revision: str) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(go, revision)


def a_source(name: str) -> str:
    return f"""
    INSERT INTO sources (id, host, label, path, url, revision_kind, revision_name,
      context_dir, generation, created_at)
    VALUES ('S-{name}', 'forge', 'ada/{name}', 'ada/{name}',
      'https://forge/ada/{name}', 'default', '', '', 3, 1)
    """


def a_launcher(name: str, source: str, project: str) -> str:
    return f"""
    INSERT INTO launchers (id, project_id, name, environment_id, source_id, builder,
      frontend, platform, policy, launcher_type, created_at, wanted_generation,
      generation, available_generation, command, args)
    VALUES ('L-{name}', '{project}', '{name}', 'E-{name}', 'S-{source}', 'python',
      'none', 'linux/amd64', 'automatic', 'interactive', 1, 0, 0, 0, '[]', '[]')
    """


LINKS = "SELECT project_id, place, url, is_granted FROM project_repositories"
SOURCES = "SELECT id, followers, access FROM sources ORDER BY id"


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[AsyncEngine]:
    async with a_database(request.param, tmp_path) as engine:
        yield engine


async def test_projects_come_with_what_launchers_name_and_go_without_loss(
    engine: AsyncEngine,
) -> None:
    await to(engine, "0015")
    await run(
        engine,
        a_source("one"),
        a_source("two"),
        a_launcher("a", "one", COURSE),
        a_launcher("b", "one", COURSE),
        a_launcher("c", "two", OTHER),
    )

    await to(engine, "0016")

    unnamed = "0" * 26
    projects = "SELECT id, slug, visibility FROM projects ORDER BY id"
    assert await rows(engine, projects) == [
        (unnamed, "default", "private"),
        (COURSE, "p1", "private"),
        (OTHER, "p2", "private"),
    ]
    assert sorted(await rows(engine, LINKS)) == [
        (COURSE, 0, "https://forge/ada/one", True),
        (OTHER, 0, "https://forge/ada/two", True),
    ]
    owners = "SELECT project_id, user_id, role FROM project_members ORDER BY 1"
    assert await rows(engine, owners) == [
        (each, "installation", "owner") for each in (unnamed, COURSE, OTHER)
    ]

    await to(engine, "0015")

    named = "SELECT id, project_id FROM launchers ORDER BY id"
    assert await rows(engine, named) == [
        ("L-a", COURSE),
        ("L-b", COURSE),
        ("L-c", OTHER),
    ]
    await to(engine, "0016")
    assert len(await rows(engine, LINKS)) == 2


async def test_what_launchers_follow_already_is_granted_and_their_sources_stay(
    engine: AsyncEngine,
) -> None:
    await to(engine, "0015")
    await run(engine, a_source("one"), a_launcher("a", "one", COURSE))
    await to(engine, "0020")
    # Linked by an editor, and followed by one who linked nothing, since.
    await run(
        engine,
        a_source("two"),
        a_source("three"),
        "INSERT INTO project_repositories (project_id, place, url, host, label)"
        f" VALUES ('{COURSE}', 1, 'https://forge/Ada/two', 'forge', 'ada/two')",
        "INSERT INTO project_repositories (project_id, place, url, host, label)"
        f" VALUES ('{COURSE}', 2, 'https://forge/x/y', 'forge', 'x/y')",
        a_launcher("b", "two", COURSE),
        a_launcher("c", "three", COURSE),
        a_launcher("d", "three", "no project"),
    )

    await to(engine, "0021")

    assert sorted(await rows(engine, LINKS)) == [
        (COURSE, 0, "https://forge/ada/one", True),
        (COURSE, 1, "https://forge/Ada/two", True),
        (COURSE, 2, "https://forge/x/y", False),
        (COURSE, 3, "https://forge/ada/three", True),
    ]
    assert await rows(engine, SOURCES) == [
        ("S-one", 1, "credential"),
        ("S-three", 2, "credential"),
        ("S-two", 1, "credential"),
    ]
    # Followers are counted on: SQLite's triggers survived the new table.
    await run(engine, a_launcher("e", "two", COURSE))
    assert ("S-two", 2, "credential") in await rows(engine, SOURCES)


async def test_grants_go_only_when_nothing_is_read_without_credentials(
    engine: AsyncEngine,
) -> None:
    await to(engine, "0021")
    await follow_one_in_both_ways(engine)

    with pytest.raises(PermanentError, match="1 sources that launchers follow"):
        await to(engine, "0020")

    await run(engine, "UPDATE launchers SET source_id = 'S-one'")
    await to(engine, "0020")

    left = "SELECT id, followers, generation FROM sources"
    assert await rows(engine, left) == [("S-one", 2, 3)]
    looks = "SELECT id, source_id FROM evaluations"
    assert await rows(engine, looks) == [("V-1", "S-one")]


async def follow_one_in_both_ways(engine: AsyncEngine) -> None:
    """Have one identity followed with credentials, and once without."""
    anonymous = a_source("one").replace("'S-one'", "'S-open'")
    anonymous = anonymous.replace("created_at)", "created_at, access)")
    await run(
        engine,
        a_source("one"),
        anonymous.replace("3, 1)", "3, 1, 'anonymous')"),
        a_launcher("a", "one", COURSE),
        a_launcher("b", "open", COURSE),
        """
        INSERT INTO evaluations (id, source_id, generation, evidence, delivery_ids,
          verdict, reason, message, changed, items, findings, started_at, completed_at)
        VALUES ('V-1', 'S-open', 1, 'sweep', '[]', 'initial', 'first', '', '[]', '[]',
          '[]', 1, 1)
        """,
    )
