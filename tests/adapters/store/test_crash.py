"""A process that is killed in the middle of its work loses nothing it committed."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Final

import pytest

from service.adapters.clock import SystemClock
from service.adapters.embedded_bus.bus import TableBus
from service.adapters.store import Database, SqlStore, open_database
from service.domain.hook import Secret
from service.events.envelope import Event
from tests.adapters.store import writer
from tests.support.databases import TEST_KEY, postgresql_schema

KEYS: Final = (Secret(TEST_KEY),)
LIVES: Final = 2
LINES: Final = 20


async def kill_after_some_lines(url: str, life: int) -> list[str]:
    """Run a writer, kill it while it writes, return what it said it committed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        writer.__name__,
        url,
        f"life-{life}",
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout
    said = [await process.stdout.readline() for _ in range(LINES + life)]
    process.kill()
    said += (await process.stdout.read()).splitlines()
    await process.wait()
    return [chunk.decode().strip() for chunk in said]


async def kept(database: Database) -> tuple[set[str], list[str]]:
    """Return the rebuilds and the log."""
    async with SqlStore(database).reading() as tx:
        rebuilds = {str(rebuild.id) for rebuild in await tx.rebuilds.list(limit=10**6)}
        lines = await tx.logs.read(writer.BUILD, limit=10**6)
    assert [log_line.seq for log_line in lines] == list(range(1, len(lines) + 1))
    return rebuilds, [log_line.text for log_line in lines]


async def carried(database: Database, wanted: set[str]) -> set[str]:
    """Take messages off the bus until the wanted ones are among them."""
    bus = TableBus(database, roles=[writer.WRITTEN], clock=SystemClock())
    messages = bus.messages(writer.WRITTEN, prefetch=10**4)
    assert isinstance(messages, AsyncGenerator)
    events: set[str] = set()
    async with aclosing(messages), asyncio.timeout(10):
        async for message in messages:
            events.add(Event.from_bytes(message.body).id)
            if wanted <= events:
                break
    return events


@pytest.mark.parametrize(
    "engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
async def test_whatever_was_committed_before_a_kill_is_there_after_it(
    engine: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        url = f"sqlite:///{tmp_path}/relaunch.db"
        if engine == "postgresql":
            url = await stack.enter_async_context(postgresql_schema())
        said: set[str] = set()
        for life in range(LIVES):
            said.update(await kill_after_some_lines(url, life))

        async with open_database(url, keys=KEYS) as database:
            rebuilds, lines = await kept(database)
            events = await carried(database, said)

    assert len(said) >= LIVES * LINES
    assert said <= rebuilds
    assert said <= events
    assert set(lines) == rebuilds
