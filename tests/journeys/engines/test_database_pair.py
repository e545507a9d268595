"""The primary is killed and its standby promoted; what was accepted stays accepted."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from service.adapters.store.database.maintenance import upgrade_database
from service.adapters.store.database.postgresql_hosts import PostgresHosts
from tests.support.broker import OwnBroker, own_broker
from tests.support.cluster import Cluster, a_cluster
from tests.support.engines.network import Network, a_network
from tests.support.engines.postgresql import DatabaseServer, a_database_pair, url_of
from tests.support.engines.watching import Watched, watched
from tests.support.outcomes import told

pytestmark = [
    pytest.mark.outage,
    pytest.mark.xdist_group("engines"),
    pytest.mark.index,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(600, func_only=True),
]


@pytest.fixture
def network() -> Iterator[Network]:
    with a_network() as network:
        yield network


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[OwnBroker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with own_broker(folder) as broker:
        yield broker


@asynccontextmanager
async def service_over(
    folder: Path, broker: OwnBroker, *servers: DatabaseServer
) -> AsyncIterator[tuple[Cluster, Watched]]:
    url = url_of(*servers)
    await upgrade_database(url)
    async with a_cluster(folder, bus=broker.url, database=url) as cluster:
        receivers = [cluster.receiver(name) for name in ("one", "two")]
        consumers = [cluster.consumer(name) for name in ("one", "two")]
        async with watched(folder, receivers, consumers) as course:
            yield cluster, course
        course.expect_all_well()
        assert await told(receivers[0], "/dead_letters") == []


@pytest.mark.crowd
async def test_nothing_accepted_is_lost_with_the_primary(
    network: Network, broker: OwnBroker, tmp_path: Path
) -> None:
    with a_database_pair(network) as (primary, standby):
        async with service_over(tmp_path, broker, primary, standby) as (_, course):
            course.begin("primary killed, standby promoted")
            await asyncio.to_thread(primary.kill)
            began = time.monotonic()
            # Nobody promotes at once: whoever watches has to be sure first.
            await asyncio.sleep(2)
            await asyncio.to_thread(standby.promote)
            await course.push_and_wait(2)
            course.end(healed=time.monotonic() - began)


@pytest.mark.crowd
async def test_primaries_are_lost_in_turn_also_without_a_word(
    network: Network, broker: OwnBroker, tmp_path: Path
) -> None:
    with a_database_pair(network) as pair:
        async with service_over(tmp_path, broker, *pair) as (_, course):
            primary, standby = pair
            for version, kind in enumerate(("killed", "cut off", "killed"), start=2):
                course.begin(f"primary {kind}, standby promoted")
                await asyncio.to_thread(
                    primary.kill if kind == "killed" else primary.host.cut_off
                )
                began = time.monotonic()
                await asyncio.sleep(2)
                await asyncio.to_thread(standby.promote)
                await course.push_and_wait(version)
                course.end(healed=time.monotonic() - began)
                await asyncio.to_thread(rejoin, primary, standby)
                primary, standby = standby, primary


def rejoin(lost: DatabaseServer, primary: DatabaseServer) -> None:
    """Make a standby of a server that was the primary, and wait for it from now on."""
    lost.kill()
    lost.host.reconnect()
    lost.copy(primary)
    lost.start()
    primary.wait_for(lost)


@pytest.mark.crowd
async def test_a_statement_to_a_machine_that_is_gone_ends(network: Network) -> None:
    with a_database_pair(network, is_synchronous=False) as (primary, standby):
        # In this order: the one that takes writes is not the first that answers.
        hosts = PostgresHosts(url_of(standby, primary))
        connection = await hosts.connect()
        try:
            primary.host.cut_off()
            # The limit of hanging tests: without ours it waits for sixteen minutes.
            with pytest.raises((OSError, asyncpg.PostgresError)):
                await connection.execute("SELECT 1")
            await asyncio.to_thread(standby.promote)
            promoted = await hosts.connect()
            await promoted.execute("CREATE TABLE written (id int)")
            await promoted.close()
        finally:
            connection.terminate()
            primary.host.reconnect()
