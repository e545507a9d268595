"""A SQLite connection that is closed by several at once."""

import asyncio
from pathlib import Path

from service.adapters.store.database.sqlite_connection import open_connection


async def test_who_closes_what_is_stopped_meanwhile_comes_to_an_end(
    tmp_path: Path,
) -> None:
    """As the library does where a task is cancelled twice while it closes."""
    connection = await open_connection(tmp_path / "a.db")

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        closing = group.create_task(connection.close())
        await asyncio.sleep(0)
        connection.stop()
        await closing
        await connection.close()
