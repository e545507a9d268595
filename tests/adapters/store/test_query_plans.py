"""No query that runs often reads a large table from one end to the other."""

import re
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store import Database, SqlStore
from service.adapters.store.hot_queries import HOT_QUERIES, Run
from service.ports.store import Transaction
from tests.contracts.conftest import OpenDatabase
from tests.support.filling import Size, fill_large

SIZE: Final = Size(launchers=20_000, sources=5_000, hooks=1_000, projects=1_000)
"""A tenth of what `bench.lists` measures."""
AS_LONG: Final = "SET LOCAL seq_page_cost = 10"
"""Reading a table whole costs the planner as much as at ten times as many rows.

A page or a turn is as large there as here, so nothing else would cost more.
"""
LARGE: Final = {
    "appointments",
    "builds",
    "deliveries",
    "evaluations",
    "hooks",
    "launchers",
    "projects",
    "rebuilds",
    "sources",
    "sweeps",
}
READ_WHOLE: Final = {
    "postgresql": re.compile(r"Seq Scan on (\w+)"),
    # `SCAN t` alone; `SCAN t USING … INDEX` walks an index, of which a limit is taken.
    "sqlite": re.compile(r"^SCAN (\w+)$", re.MULTILINE),
}
FROM_INDEX: Final = re.compile("Index Only Scan|COVERING INDEX")


async def explain(database: Database, run: Run) -> list[str]:
    """Return the plan of every statement that a query sends."""
    async with database.reading() as connection:
        if connection.dialect.name == "postgresql":
            await connection.exec_driver_sql(AS_LONG)
        sent = await sent_by(database, connection, run)
        return [await plan_of(connection, *each) for each in sent]


async def sent_by(
    database: Database, connection: AsyncConnection, run: Run
) -> list[tuple[str, Any]]:
    """Return every statement that a query sends, and what it is given."""
    sent: list[tuple[str, Any]] = []

    def note(*event_: Any) -> None:
        sent.append((event_[2], event_[3]))

    raw = connection.sync_connection
    assert raw is not None
    event.listen(raw, "before_cursor_execute", note)
    await run(transaction_on(database, connection))
    event.remove(raw, "before_cursor_execute", note)
    return sent


def transaction_on(database: Database, connection: AsyncConnection) -> Transaction:
    return SqlStore(database)._on(connection, is_writing=False)


async def plan_of(connection: AsyncConnection, statement: str, given: Any) -> str:
    is_sqlite = connection.dialect.name == "sqlite"
    words = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    found = await connection.exec_driver_sql(f"{words} {statement}", given)
    return "\n".join(str(row[-1]) for row in found.all())


def tables_read_whole(plan: str) -> set[str]:
    found = {
        table for pattern in READ_WHOLE.values() for table in pattern.findall(plan)
    }
    return found & LARGE


async def test_no_hot_query_reads_a_large_table_whole(databases: OpenDatabase) -> None:
    async with databases() as database:
        async with database.writing() as connection:
            await fill_large(connection, SIZE)
        plans = {
            name: await explain(database, HOT_QUERIES[name]) for name in HOT_QUERIES
        }

    assert {name for name, found in plans.items() if not found} == set()
    assert {
        name: plan
        for name, found in plans.items()
        for plan in found
        if tables_read_whole(plan)
    } == {}
    # Walked by time until it is met, it would be looked for among all of them.
    at_address = plans["the project at an address"][0]
    assert "ix_projects_address" in at_address
    assert "ix_projects_created_at_id" not in at_address


async def test_counts_of_what_happened_are_read_off_an_index_alone(
    databases: OpenDatabase,
) -> None:
    """A window of them is long: their rows would be read from a whole table."""
    counts = "evaluations by verdict", "endings by reason"
    async with databases() as database, database.reading() as connection:
        if connection.dialect.name == "postgresql":
            for way in ("seqscan", "bitmapscan"):
                await connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        plans = [
            await plan_of(connection, *sent)
            for name in counts
            for sent in await sent_by(database, connection, HOT_QUERIES[name])
        ]

    assert [plan for plan in plans if not FROM_INDEX.search(plan)] == []
    assert len(plans) == len(counts)


async def test_a_query_without_an_index_would_be_noticed(
    databases: OpenDatabase,
) -> None:
    query = "SELECT id FROM launchers WHERE description = 'none'"
    async with databases() as database, database.reading() as connection:
        plan = await plan_of(connection, query, ())

    assert tables_read_whole(plan) == {"launchers"}
