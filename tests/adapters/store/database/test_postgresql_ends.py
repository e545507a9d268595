"""How transactions end on connections whose server is gone without a word."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from yarl import URL

from service.adapters.store.database.database import database_engines
from service.adapters.store.database.engines import DatabaseEngines
from service.adapters.store.database.errors import translate_errors
from tests.support.databases import postgresql_schema
from tests.support.loops import EITHER_LOOP
from tests.support.proxy import Proxy, proxy_to

pytestmark = pytest.mark.postgresql

SELECT = text("SELECT 1")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture
async def way() -> AsyncIterator[tuple[DatabaseEngines, Proxy]]:
    """A database behind a proxy: whatever is lost there is acknowledged to nobody."""
    async with (
        postgresql_schema() as url,
        proxy_to(URL(url).port or 5432) as proxy,
        database_engines(str(URL(url).with_port(proxy.port))) as engines,
    ):
        yield engines, proxy


Act = Callable[[AsyncConnection], Awaitable[object]]


async def end_of_one_cancelled(way: tuple[DatabaseEngines, Proxy], act: Act) -> None:
    """Cancel whoever does something in a transaction whose server is gone."""
    engines, proxy = way
    is_stranded = asyncio.Event()

    async def work() -> None:
        with translate_errors():
            async with engines.writers.begin() as connection:
                await connection.execute(SELECT)
                proxy.strand()
                is_stranded.set()
                await act(connection)

    async with asyncio.TaskGroup() as group:
        working = group.create_task(work())
        await is_stranded.wait()
        await asyncio.sleep(0.1)
        working.cancel()
    async with engines.writers.begin() as connection:
        assert await connection.scalar(SELECT) == 1


async def test_who_is_cancelled_between_statements_waits_for_no_rollback(
    way: tuple[DatabaseEngines, Proxy],
) -> None:
    await end_of_one_cancelled(way, lambda _: asyncio.sleep(60))


async def test_who_is_cancelled_in_a_statement_waits_for_no_answer(
    way: tuple[DatabaseEngines, Proxy],
) -> None:
    await end_of_one_cancelled(way, lambda connection: connection.execute(SELECT))


async def test_who_is_cancelled_in_a_commit_waits_for_no_answer(
    way: tuple[DatabaseEngines, Proxy],
) -> None:
    await end_of_one_cancelled(way, lambda _: asyncio.sleep(0))


@EITHER_LOOP
def test_a_rollback_that_is_answered_keeps_the_connection(loop: LoopFactory) -> None:
    backend = text("SELECT pg_backend_pid()")

    async def run() -> tuple[object, object]:
        async with postgresql_schema() as url, database_engines(url) as engines:
            async with engines.writers.connect() as connection:
                before = await connection.scalar(backend)
                await connection.rollback()
            await asyncio.sleep(1.5)
            async with engines.writers.begin() as connection:
                return before, await connection.scalar(backend)

    with asyncio.Runner(loop_factory=loop) as runner:
        before, after = runner.run(run())

    assert before == after
