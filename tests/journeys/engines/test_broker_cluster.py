"""A RabbitMQ of three nodes loses one after the other; 202 stays true meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from service.adapters.store.database.maintenance import upgrade_database
from tests.support.cluster import a_cluster
from tests.support.engines.network import Network, a_network
from tests.support.engines.postgresql import a_database_server, url_of
from tests.support.engines.rabbitmq import (
    BrokerCluster,
    BrokerNode,
    a_broker_cluster,
)
from tests.support.engines.watching import Watched, watched
from tests.support.outcomes import told

pytestmark = [
    pytest.mark.outage,
    pytest.mark.crowd,
    pytest.mark.xdist_group("engines"),
    pytest.mark.index,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is done to a node, or to the network around it."""

    begin: Callable[[BrokerCluster, BrokerNode], object]
    end: Callable[[BrokerCluster, BrokerNode], object]


TROUBLES: Final = {
    "killed": Trouble(
        begin=lambda _, node: node.kill(), end=lambda _, node: node.launch()
    ),
    "paused": Trouble(
        begin=lambda _, node: node.pause(), end=lambda _, node: node.revive()
    ),
    "parted": Trouble(
        begin=lambda all_, node: node.host.lose(all_.others(node)),
        end=lambda all_, node: node.host.find(all_.others(node)),
    ),
    "cut off": Trouble(
        begin=lambda _, node: node.host.cut_off(),
        end=lambda _, node: node.host.reconnect(),
    ),
}


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with a_network() as network:
        yield network


@pytest.fixture(scope="module")
def brokers(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrokerCluster]:
    folder = tmp_path_factory.mktemp("brokers")
    with a_broker_cluster(network, folder) as cluster:
        yield cluster


@pytest.fixture
async def database(network: Network) -> AsyncIterator[str]:
    """A server of the test's own: what others do at the same time is no trouble."""
    with a_database_server(network) as server:
        url = url_of(server)
        await upgrade_database(url)
        yield url


@pytest.mark.timeout(300, func_only=True)
async def test_a_killed_node_costs_no_accepted_push(
    brokers: BrokerCluster, database: str, tmp_path: Path
) -> None:
    await journey(brokers, database, tmp_path, ["killed"])


@pytest.mark.timeout(1800, func_only=True)
async def test_no_node_that_goes_costs_an_accepted_push(
    brokers: BrokerCluster, database: str, tmp_path: Path
) -> None:
    await journey(brokers, database, tmp_path, list(TROUBLES))


async def journey(
    brokers: BrokerCluster, database: str, folder: Path, kinds: list[str]
) -> None:
    """Have one trouble after the other, each at the node that clients go to next."""
    async with a_cluster(folder, bus=brokers.url, database=database) as cluster:
        receivers = [cluster.receiver(name) for name in ("one", "two")]
        consumers = [cluster.consumer(name) for name in ("one", "two")]
        diagnosis = partial(asyncio.to_thread, brokers.describe)
        async with watched(folder, receivers, consumers, diagnosis) as course:
            for number, kind in enumerate(kinds):
                node = brokers.nodes[number % len(brokers.nodes)]
                await have(brokers, node, kind, course, version=number + 2)
        course.expect_all_well()
        assert course.refused == []
        assert await told(receivers[0], "/dead_letters") == []


async def have(
    brokers: BrokerCluster,
    node: BrokerNode,
    kind: str,
    course: Watched,
    *,
    version: int,
) -> None:
    trouble = TROUBLES[kind]
    course.begin(f"{kind}, node {node.host.number}")
    await asyncio.to_thread(trouble.begin, brokers, node)
    await asyncio.sleep(1)
    await course.push_and_wait(version)
    began = time.monotonic()
    await asyncio.to_thread(trouble.end, brokers, node)
    await asyncio.to_thread(brokers.until_whole)
    course.end(healed=time.monotonic() - began)
