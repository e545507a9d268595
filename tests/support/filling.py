"""Fills a database with launchers, sources and their history, in SQL alone.

A large installation within seconds: the same statements in both engines. Ids are
numbered in their order, and ULIDs where the REST API wants them. Only tests of query
plans import it from outside the bench.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.tables import METADATA

__all__ = ["PROJECT", "Size", "fill_large", "launcher_id", "repository_path"]

PROJECT: Final = "01ARZ3NDEKTSV4RRFFQ0000"
"""What ids of projects begin with; three digits follow."""
_ULID: Final = "01ARZ3NDEKTSV4RRFF"
"""What the other ids begin with; a digit for the kind and seven more follow."""
_SPEC: Final = (
    '{"builder": "python", "frontend": "jupyterlab", "platform": "linux/amd64", '
    '"builder_image": "builder@sha256"}'
)
_BEGAN: Final = 1_700_000_000_000_000
"""Microseconds since 1970: when the first row was made."""
_SECOND: Final = 1_000_000


COUNTS: Final = (
    (
        "UPDATE sources SET followers = found.count FROM"
        " (SELECT source_id, count(*) AS count FROM launchers GROUP BY source_id)"
        " AS found WHERE found.source_id = sources.id"
    ),
    (
        "INSERT INTO totals (list, part, count)"
        " SELECT 'launchers', project_id, count(*) FROM launchers GROUP BY project_id"
    ),
    (
        "INSERT INTO totals (list, part, count)"
        " SELECT 'sources', right(id, 1), count(*) FROM sources"
        " WHERE followers > 0 GROUP BY right(id, 1)"
    ),
    (
        "INSERT INTO sweeps (source_id, host, interval_ms, due_at, generation)"
        " SELECT id, host, 0, 0, generation FROM sources WHERE followers > 0"
    ),
)
"""What the triggers would have kept, but for the number of hooks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is."""

    launchers: int = 200_000
    sources: int = 50_000
    projects: int = 100
    hooks: int = 2_000
    unfinished: int = 200
    """Launchers with a queued rebuild."""
    behind: int = 100
    """Launchers without the image that they want."""


def launcher_id(number: int) -> str:
    """Return the id of a launcher, from 1."""
    return f"{_ULID}1{number:07d}"


def repository_path(number: int) -> str:
    """Return the path of the repository that a source follows, from 1."""
    return f"university/course-{number:07d}"


async def fill_large(connection: AsyncConnection, size: Size) -> None:
    """Fill empty tables, and have the engine's planner count the rows.

    SQLite is left uncounted, as it is in use.
    """
    if connection.dialect.name == "postgresql":
        # One statement makes all rows of a table: longer than the service ever waits.
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        # Triggers that count each of so many rows take minutes: counted once, below.
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in _statements(size):
        if connection.dialect.name == "postgresql" and statement.startswith("UPDATE"):
            for count in COUNTS:
                await connection.execute(text(count))
        await connection.execute(text(statement))
    if connection.dialect.name == "postgresql":
        hooks = "UPDATE totals SET count = (SELECT count(*) FROM hooks)"
        hooks = f"{hooks} WHERE list = 'hooks'"
        await connection.execute(text(hooks))
        await connection.execute(text("SET LOCAL session_replication_role = origin"))
        # Of this schema alone: two tests that look at all wait for each other.
        tables = ", ".join(METADATA.tables)
        await connection.execute(text(f"ANALYZE {tables}"))


def _statements(size: Size) -> tuple[str, ...]:
    return (
        *_projects(size),
        _insert(
            "sources",
            size.sources,
            id=_id(2),
            host="'github.com'",
            label=_path(),
            path=_path(),
            url=f"'https://github.com/' || {_path()} || '.git'",
            number="700000000 + i",
            revision_kind="'branch'",
            revision_name="'main'",
            context_dir="''",
            generation="1",
            created_at=_at(),
        ),
        _insert(
            "launchers",
            size.launchers,
            id=_id(1),
            project_id=f"'{PROJECT}' || {_digits(f'i % {size.projects}', 3)}",
            name="'course ' || i",
            environment_id=_id(3),
            source_id=_id(2, f"1 + i % {size.sources}"),
            builder="'python'",
            frontend="CASE WHEN i % 3 = 0 THEN 'jupyterlab' ELSE 'vscodium' END",
            platform="'linux/amd64'",
            policy="CASE WHEN i % 10 = 0 THEN 'manual' ELSE 'automatic' END",
            created_at=_at(),
            launcher_type="'interactive'",
            command="'[]'",
            args="'[]'",
            wanted_key=_key(),
            wanted_generation="1",
            wanted_builder="'builder:1'",
            held_key=f"CASE WHEN i % 997 = 0 THEN {_key()} END",
            generation="1",
            image=f"'registry/' || {_key()}",
            image_key=f"CASE WHEN i > {size.behind} THEN {_key()} END",
            available_generation="0",
            rebuild_schedule="CASE WHEN i % 4 = 0 THEN 'weekly' ELSE 'never' END",
            built_at=_at(),
        ),
        _insert(
            "rebuilds",
            size.launchers,
            id=_id(4),
            environment_id=_id(3),
            launcher_id=_id(1),
            source_id=_id(2, f"1 + i % {size.sources}"),
            evidence="'push'",
            is_fresh="FALSE",
            evaluation_id=_id(5, f"1 + i % {size.sources}"),
            key=_key(),
            state=f"CASE WHEN i > {size.launchers - size.unfinished} THEN 'queued'"
            " WHEN i % 100 = 0 THEN 'failed' ELSE 'succeeded' END",
            build_id=_id(6, f"1 + i % {size.sources}"),
            created_at=_at(),
            completed_at=f"CASE WHEN i <= {size.launchers - size.unfinished}"
            f" THEN {_at()} END",
            reason="'built'",
        ),
        _insert(
            "evaluations",
            size.sources,
            id=_id(5),
            source_id=_id(2),
            generation="1",
            evidence="'push'",
            delivery_ids="'[]'",
            verdict="'changed'",
            reason="'changed'",
            message="'The environment changed.'",
            changed="'[]'",
            commit_id=f"{_digits('i', 7)} || '{'a' * 33}'",
            items="'[]'",
            findings="'[]'",
            started_at=_at(),
            completed_at=_at(),
        ),
        _insert(
            "deliveries",
            size.sources,
            id=_id(7),
            hook_id=f"'hook-' || (1 + i % {size.hooks})",
            forge_delivery_id="'forge-' || i",
            event="'push'",
            status="'accepted'",
            reason="'tracked'",
            message="''",
            repository=_path(),
            ref="'refs/heads/main'",
            before="''",
            after="''",
            headers="'{}'",
            received_at=_at(),
            count="1",
        ),
        _insert(
            "hooks",
            size.hooks,
            id="'hook-' || i",
            forge="'github'",
            proof="'hmac'",
            host="'github.com'",
            path=_path(),
            url=f"'https://github.com/' || {_path()}",
            number="700000000 + i",
            secrets="''",
            created_at=_at(),
        ),
        # The triggers made a row of each followed source, without a turn.
        (
            f"UPDATE sweeps SET interval_ms = 900000, due_at = {_BEGAN}"  # noqa: S608 - as below
            f" + {_SECOND} * CAST(substr(source_id, 20) AS BIGINT)"
            f" WHERE CAST(substr(source_id, 20) AS BIGINT) % 1000 > 0"
        ),
        _insert(
            "builds",
            size.sources,
            id=_id(6),
            key=_key(),
            state="'succeeded'",
            recipe=f"'{_SPEC}'",
            kind="'pip'",
            repository_url=f"'https://github.com/' || {_path()} || '.git'",
            commit_id=f"{_digits('i', 7)} || '{'a' * 33}'",
            context_dir="''",
            path="'requirements.txt'",
            environment_id=_id(3),
            project_id=f"'{PROJECT}' || {_digits(f'i % {size.projects}', 3)}",
            is_fresh="FALSE",
            attempt="1",
            created_at=_at(),
            started_at=_at(),
            completed_at=_at(),
        ),
        _insert(
            "appointments",
            size.sources,
            source_id=_id(2),
            due_at=f"CASE WHEN i % 50 = 0 THEN {_at()} END",
            attempts="0",
            looked_at=_at(),
        ),
    )


def _projects(size: Size) -> tuple[str, ...]:
    """Write the statements for projects, one in ten public, and who edits one each."""
    project = f"'{PROJECT}' || {_digits(f'i % {size.projects}', 3)}"
    return (
        _insert(
            "projects",
            size.projects,
            id=project,
            name="'course ' || i",
            namespace="'university'",
            slug="'course-' || i",
            created_by="'installation'",
            created_at=_at(),
            updated_at=_at(),
            visibility="CASE WHEN i % 10 = 0 THEN 'public' ELSE 'private' END",
            keywords="'[]'",
            secrets_mount_directory="'/secrets'",
        ),
        _insert(
            "project_members",
            size.projects,
            project_id=project,
            user_id="'user-' || i",
            role="'editor'",
        ),
    )


def _insert(table: str, rows: int, /, **columns: str) -> str:
    """Write the statement that fills a table, by expressions of a row's number `i`."""
    names, values = ", ".join(columns), ", ".join(columns.values())
    return (
        f"INSERT INTO {table} ({names}) "  # noqa: S608 - constants of this file
        "WITH RECURSIVE numbers(i) AS (SELECT CAST(1 AS BIGINT)"
        f" UNION ALL SELECT i + 1 FROM numbers WHERE i < {rows})"
        f" SELECT {values} FROM numbers"
    )


def _id(kind: int, number: str = "i") -> str:
    return f"'{_ULID}{kind}' || {_digits(number, 7)}"


def _digits(number: str, width: int) -> str:
    """Write a number with leading zeros, in words that both engines have."""
    return f"substr(CAST({10**width} + {number} AS TEXT), 2)"


def _path() -> str:
    return f"'university/course-' || {_digits('i', 7)}"


def _key() -> str:
    return f"'{'0' * 61}' || {_digits('i % 1000', 3)}"


def _at() -> str:
    return f"{_BEGAN} + i * {_SECOND}"
