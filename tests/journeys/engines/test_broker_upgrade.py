"""Three broker nodes are replaced in turn, as `docs/rabbitmq.md` says, in traffic."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.docs.reading import Page
from tests.docs.shell import run_with
from tests.support.cluster import a_cluster
from tests.support.engines.network import a_network
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
    pytest.mark.timeout(900, func_only=True),
]
PAGE: Final = Page("docs/rabbitmq.md")


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[BrokerCluster]:
    folder = tmp_path / "brokers"
    with a_network() as network, a_broker_cluster(network, folder) as cluster:
        yield cluster


async def test_no_push_is_lost_while_nodes_are_replaced_one_by_one(
    brokers: BrokerCluster, tmp_path: Path
) -> None:
    async with a_cluster(tmp_path, bus=brokers.url) as cluster:
        receivers = [cluster.receiver(name) for name in ("one", "two")]
        consumers = [cluster.consumer(name) for name in ("one", "two")]
        diagnosis = partial(asyncio.to_thread, brokers.describe)
        async with watched(tmp_path, receivers, consumers, diagnosis) as course:
            look = PAGE.block("rabbitmqctl list_queues -p relaunch name type")
            before = await on(brokers.nodes[0], look, tmp_path)
            for version, node in enumerate(brokers.nodes, start=2):
                await replace(node, brokers, course, version, tmp_path)
        course.expect_all_well()
        assert course.refused == []
        assert await told(receivers[0], "/dead_letters") == []
    assert "quorum" in before
    assert (tmp_path / "definitions.json").exists()


async def on(node: BrokerNode, block: str, folder: Path) -> str:
    """Run a block of the page on the host of a node."""
    text = block.replace("-p relaunch", "-p own")
    return await run_with(text, folder, node.tools, host=node.host.enter)


async def replace(
    node: BrokerNode,
    brokers: BrokerCluster,
    course: Watched,
    version: int,
    folder: Path,
) -> None:
    """Stop a node once the others are enough, and start it again."""
    await on(node, PAGE.block("until rabbitmq-queues"), folder)
    course.begin(f"node {node.host.number} is replaced")
    await asyncio.to_thread(node.stop)
    await course.push_and_wait(version)
    await asyncio.to_thread(node.launch)
    await asyncio.to_thread(brokers.until_whole)
    course.end(healed=0.0)
