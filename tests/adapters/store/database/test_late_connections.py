"""Connections that come back when the database is being closed."""

import asyncio
import gc
from pathlib import Path

from service.adapters.store import Database
from tests.support.databases import sqlite_database


async def read_until(database: Database, reading: asyncio.Event, until: float) -> None:
    async with database.reading() as connection:
        await connection.exec_driver_sql("SELECT 1")
        reading.set()
        await asyncio.sleep(until)


async def test_what_comes_back_a_little_later_is_closed_and_not_collected(
    tmp_path: Path,
) -> None:
    """The collector would warn of one that nobody closed: an error here."""
    reading = asyncio.Event()
    async with (
        asyncio.TaskGroup() as group,
        sqlite_database(tmp_path / "a.db") as database,
    ):
        group.create_task(read_until(database, reading, 0.2))
        await reading.wait()
    gc.collect()
