"""A message that nobody can handle, as an operator meets it, over both buses."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aio_pika
import asyncpg
import pytest

from tests.support.broker import broker_url
from tests.support.cluster import SHARED, a_cluster
from tests.support.databases import postgresql_schema
from tests.support.service import Service

pytestmark = [pytest.mark.postgresql]

GARBAGE = b"\xff no event at all \x1b[31m"


@dataclass(frozen=True, kw_only=True)
class Sick:
    """A service, and a way to put garbage among the pushes it has to handle."""

    service: Service
    spoil: Callable[[], Awaitable[None]]

    async def relaunch(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "service.cli", "--url", self.service.url]
        return await asyncio.to_thread(
            subprocess.run,
            [*command, *words],
            env=self.service.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    async def letters(self, count: int) -> list[dict[str, str]]:
        """Wait for so many dead letters."""
        async with asyncio.timeout(30):
            while True:
                said = await self.relaunch("dead-letters", "list", "-o", "json")
                found: list[dict[str, str]] = json.loads(said.stdout)
                if len(found) == count:
                    return found
                await asyncio.sleep(0.2)


@asynccontextmanager
async def over_rabbitmq(folder: Path) -> AsyncIterator[Sick]:
    url = broker_url()
    async with a_cluster(folder, bus=url) as cluster:
        receiver, consumer = cluster.receiver("one"), cluster.consumer("one")
        for process in (receiver, consumer):
            await asyncio.to_thread(process.start)

        async def spoil() -> None:
            prefix = cluster.variables["RELAUNCH_AMQP_PREFIX"]
            connection = await aio_pika.connect(url)
            async with connection, connection.channel() as channel:
                exchange = await channel.get_exchange(f"{prefix}.events")
                message = aio_pika.Message(GARBAGE, delivery_mode=2)
                await exchange.publish(message, "push.received.v2")

        yield Sick(service=receiver, spoil=spoil)


@asynccontextmanager
async def over_a_table(folder: Path) -> AsyncIterator[Sick]:
    async with postgresql_schema() as database:
        service = Service(folder / "data", RELAUNCH_DATABASE=database, **SHARED)
        await asyncio.to_thread(service.start)

        async def spoil() -> None:
            connection = await asyncpg.connect(database)
            try:
                await connection.execute(SPOILED, GARBAGE.decode("latin-1"))
            finally:
                await connection.close()

        try:
            yield Sick(service=service, spoil=spoil)
        finally:
            service.kill()


SPOILED = """
WITH event AS (
  INSERT INTO bus_events (id, name, body, published_at)
  VALUES (gen_random_uuid()::text, 'push.received.v2', $1, 0) RETURNING place
)
INSERT INTO bus_queue (role, event, attempts, available_at, error)
SELECT 'evaluation', place, 0, 0, '' FROM event
"""


@pytest.mark.parametrize(
    "bus",
    [
        pytest.param(over_a_table, id="table"),
        pytest.param(over_rabbitmq, id="rabbitmq", marks=pytest.mark.rabbitmq),
    ],
)
async def test_an_operator_lists_shows_requeues_and_drops_a_dead_letter(
    tmp_path: Path, bus: Callable[[Path], AbstractAsyncContextManager[Sick]]
) -> None:
    async with bus(tmp_path) as sick:
        await sick.spoil()
        (letter,) = await sick.letters(1)
        listed = await sick.relaunch("dead-letters", "list")
        shown = await sick.relaunch("dead-letters", "show", letter["id"])
        requeued = await sick.relaunch("dead-letters", "requeue", letter["id"])
        (again,) = await sick.letters(1)
        dropped = await sick.relaunch("dead-letters", "drop", again["id"], "--yes")
        gone = await sick.relaunch("dead-letters", "show", again["id"])

        assert letter["role"] == "evaluation"
        assert "UndecodableEventError" in letter["error"]
        assert "evaluation" in listed.stdout
        assert "no event at all" in shown.stdout
        assert "\x1b" not in shown.stdout
        assert requeued.returncode == dropped.returncode == 0
        assert gone.returncode == 1
        assert f"no dead letter {again['id']}" in gone.stderr
        assert await sick.letters(0) == []
