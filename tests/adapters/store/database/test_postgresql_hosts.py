"""Which of several PostgreSQL servers is used, and what becomes of standbys."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from yarl import URL

from service.adapters.store.database.database import database_engines, make_current
from service.adapters.store.database.errors import translate_errors
from service.adapters.store.database.maintenance import open_alone
from service.adapters.store.database.postgresql_hosts import PostgresHosts, split_hosts
from service.errors import PermanentError, TransientError
from tests.support.broker import free_port
from tests.support.databases import postgresql_schema
from tests.support.proxy import proxy_to

pytestmark = pytest.mark.postgresql


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with postgresql_schema() as url:
        yield url


def with_first(url: str, *ports: int) -> str:
    """Name further hosts of this machine before the one that is there."""
    address = URL(url)
    others = ",".join(f"127.0.0.1:{port}" for port in ports)
    there = f"{address.host}:{address.port or 5432}"
    return url.replace(f"@{address.authority.rpartition('@')[2]}", f"@{others},{there}")


def test_each_host_has_the_rest_of_the_url() -> None:
    several = "postgresql://me:a%40b@one,[fd00::1]:5433,two:5434/name?sslmode=require"
    assert split_hosts(several) == (
        "postgresql://me:a%40b@one/name?sslmode=require",
        "postgresql://me:a%40b@[fd00::1]:5433/name?sslmode=require",
        "postgresql://me:a%40b@two:5434/name?sslmode=require",
    )
    assert split_hosts("postgresql:///name?host=/run") == (
        "postgresql:///name?host=/run",
    )


async def test_hosts_that_refuse_or_swallow_are_no_obstacle(url: str) -> None:
    async with proxy_to(URL(url).port or 5432) as silent:
        silent.swallow()
        hosts = PostgresHosts(with_first(url, free_port(), silent.port))
        for _ in range(2):
            connection = await hosts.connect()
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()


async def test_who_is_cancelled_leaves_no_connection_behind(url: str) -> None:
    async with proxy_to(URL(url).port or 5432) as silent:
        silent.swallow()
        address = URL(url).with_port(silent.port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await PostgresHosts(str(address)).connect()


async def test_no_host_that_takes_writes_is_a_matter_of_waiting(url: str) -> None:
    standby = f"{url}&default_transaction_read_only=on"
    with pytest.raises(TransientError, match="takes no writes"):
        await PostgresHosts(standby).connect()
    away = f"postgresql://me@127.0.0.1:{free_port()},127.0.0.1:{free_port()}/name"
    with pytest.raises(TransientError, match="did not answer"):
        await PostgresHosts(away).connect()


async def test_what_every_host_refuses_is_the_operators(url: str) -> None:
    refused = str(URL(url).with_path("/there is none"))
    with pytest.raises(PermanentError, match="refused"):
        await PostgresHosts(refused).connect()
    with pytest.raises(PermanentError, match="cannot be read"):
        await PostgresHosts("postgresql://me:pass%zz@[host/name").connect()


async def test_a_server_that_became_a_standby_is_left(url: str) -> None:
    write = text("CREATE TEMPORARY TABLE t (id int)")
    async with database_engines(url) as engines:
        async with engines.writers.begin() as connection:
            await connection.execute(
                text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            )
        with pytest.raises(TransientError), translate_errors():
            async with engines.writers.begin() as connection:
                await connection.execute(write)
        async with engines.writers.begin() as connection:
            await connection.execute(write)
        # Whoever only meant to read has made a mistake, wherever that is.
        with pytest.raises(PermanentError), translate_errors():
            async with engines.readers.begin() as connection:
                await connection.execute(text("CREATE TABLE t2 (id int)"))


async def test_a_process_that_stands_still_loses_its_locks(url: str) -> None:
    lock = text("SELECT pg_advisory_xact_lock(hashtext(current_schema()))")
    async with database_engines(url) as still, database_engines(url) as other:
        holder = await still.writers.connect()
        await holder.execute(lock)
        # Whoever waits gives up after 30 s; the leader's lease is over sooner.
        async with other.writers.begin() as connection:
            await connection.execute(lock)
            for name in ("tcp_keepalives_idle", "tcp_user_timeout"):
                found = await connection.scalar(text(f"SHOW {name}"))
                assert found not in {None, "0", "7200"}
        await holder.invalidate()
        await holder.close()


async def limits(connection: AsyncConnection) -> set[str | None]:
    names = ("statement_timeout", "idle_in_transaction_session_timeout")
    return {await connection.scalar(text(f"SHOW {name}")) for name in names}


async def test_a_migration_may_take_its_time(url: str) -> None:
    async with open_alone(url) as connection:
        assert await limits(connection) == {"0"}


async def test_so_may_one_of_a_process_that_starts(url: str) -> None:
    async with database_engines(url) as engines, engines.writers.begin() as connection:
        await connection.run_sync(make_current)
        assert await limits(connection) == {"0"}
    async with database_engines(url) as engines, engines.writers.begin() as connection:
        await connection.run_sync(make_current)
        assert "0" not in await limits(connection)


async def test_who_is_cancelled_stays_so_when_the_connection_fails_too() -> None:
    # As a loop of the leader, which would take it for an outage and go on.
    async def lose() -> None:
        with translate_errors():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise TransientError("the connection was closed") from None

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lose()
