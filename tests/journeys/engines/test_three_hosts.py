"""Consumers on three hosts; the one that leads is cut off in the middle of a build.

Each reaches database and broker by addresses of its own, and loses those: to both sides
that is a host behind a dead router.
"""

import asyncio
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from yarl import URL

from service.adapters.store.database.maintenance import upgrade_database
from tests.support.cluster import Cluster, a_cluster
from tests.support.engines.network import Host, Network, a_network
from tests.support.engines.postgresql import a_database_server, url_of
from tests.support.engines.rabbitmq import a_broker_cluster
from tests.support.engines.watching import Watched, watched
from tests.support.outcomes import told
from tests.support.processes import children, name
from tests.support.service import Service
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.outage,
    pytest.mark.crowd,
    pytest.mark.xdist_group("engines"),
    pytest.mark.index,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(600, func_only=True),
]

WORKER: Final = "service.adapters.local.worker"
FIRST_ADDRESS: Final = 100


@dataclass(frozen=True, kw_only=True)
class Wire:
    """The addresses by which one consumer reaches the engines, and who has them."""

    database: tuple[Host, str]
    broker: tuple[Host, str]

    def cut(self, *engines: str) -> None:
        for engine in engines:
            host, address = getattr(self, engine)
            host.drop(address)

    def mend(self, *engines: str) -> None:
        for engine in engines:
            host, address = getattr(self, engine)
            host.take(address)


@dataclass(kw_only=True)
class Hosts:
    """Three consumers, each with its wire, and who of them was seen to build."""

    cluster: Cluster
    consumers: Sequence[Service]
    wires: Sequence[Wire]
    course: Watched
    builders_at_once: list[set[int]] = field(default_factory=list)

    async def leader(self) -> int:
        """Return who leads, once somebody does."""
        found: list[int] = []

        async def is_one() -> bool:
            found[:] = [
                number
                for number, consumer in enumerate(self.consumers)
                if _leads(consumer)
            ]
            return len(found) == 1

        await eventually(is_one, "one to lead", 60)
        return found[0]

    async def until_someone_builds(self) -> None:
        async def builds() -> bool:
            return bool(self._building())

        await eventually(builds, "a build", 60)

    async def watch(self, over: asyncio.Event) -> None:
        while not over.is_set():
            self.builders_at_once.append(self._building())
            await asyncio.sleep(0.1)

    def _building(self) -> set[int]:
        return {
            number
            for number, consumer in enumerate(self.consumers)
            if any(WORKER in name(child) for child in children(consumer.pid))
        }


def _leads(consumer: Service) -> bool:
    """Say so by its own log."""
    events = [
        line
        for line in consumer.said().splitlines()
        if "] leading " in f"{line} " or "no longer leading" in line
    ]
    return bool(events) and "no longer" not in events[-1]


@pytest.fixture
def network() -> Iterator[Network]:
    with a_network() as network:
        yield network


@asynccontextmanager
async def three_hosts(network: Network, folder: Path) -> AsyncIterator[Hosts]:
    with (
        a_database_server(network) as database,
        a_broker_cluster(network, folder / "broker", nodes=1) as brokers,
    ):
        url = url_of(database)
        await upgrade_database(url)
        async with a_cluster(folder, bus=brokers.url, database=url) as cluster:
            numbers = iter(range(FIRST_ADDRESS, FIRST_ADDRESS + 6))
            wires = [
                Wire(
                    database=_extra(network, database.host, next(numbers)),
                    broker=_extra(network, brokers.nodes[0].host, next(numbers)),
                )
                for _ in range(3)
            ]
            consumers = [
                cluster.consumer(
                    f"{number}",
                    RELAUNCH_DATABASE=str(URL(url).with_host(wire.database[1])),
                    RELAUNCH_BUS=str(URL(brokers.url).with_host(wire.broker[1])),
                )
                for number, wire in enumerate(wires)
            ]
            receiver = cluster.receiver("one")
            async with watched(folder, [receiver], consumers) as course:
                hosts = Hosts(
                    cluster=cluster, consumers=consumers, wires=wires, course=course
                )
                over = asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    group.create_task(hosts.watch(over))
                    try:
                        yield hosts
                    finally:
                        over.set()
            course.expect_all_well()
            assert course.refused == []
            assert await told(receiver, "/dead_letters") == []
            assert all(len(at_once) < 2 for at_once in hosts.builders_at_once)


def _extra(network: Network, host: Host, number: int) -> tuple[Host, str]:
    return host, network.add_address(host, number)


async def lose_the_leader(hosts: Hosts, version: int, *engines: str) -> None:
    """Cut it off in the middle of a build; another one finishes, and it comes back."""
    leader = await hosts.leader()
    course = hosts.course
    course.begin(f"leader cut off from {' and '.join(engines)}")
    await asyncio.to_thread(course.course.push, version)
    await hosts.until_someone_builds()
    await asyncio.to_thread(hosts.wires[leader].cut, *engines)
    began = time.monotonic()
    if "database" in engines:
        lost = hosts.consumers[leader]

        async def another_leads() -> bool:
            return not _leads(lost) and any(map(_leads, hosts.consumers))

        await eventually(another_leads, "another leader", 120)
        print(f"led again after {time.monotonic() - began:.1f} s")  # noqa: T201
    await course.until_built()
    print(f"moved after {time.monotonic() - began:.1f} s")  # noqa: T201
    began = time.monotonic()
    await asyncio.to_thread(hosts.wires[leader].mend, *engines)

    async def is_well() -> bool:
        with_metrics = hosts.consumers[leader]
        return await asyncio.to_thread(_is_ready, with_metrics)

    await eventually(is_well, "the one that was cut off to be ready", 120)
    course.end(healed=time.monotonic() - began)


def _is_ready(process: Service) -> bool:
    with (
        suppress(OSError),
        urllib.request.urlopen(f"{process.url}/readyz", timeout=10) as answer,  # noqa: S310
    ):
        return bool(answer.status == 200)
    return False


async def test_a_leader_without_database_and_broker_is_replaced(
    network: Network, tmp_path: Path
) -> None:
    async with three_hosts(network, tmp_path) as hosts:
        await lose_the_leader(hosts, 2, "database", "broker")


@pytest.mark.timeout(1200, func_only=True)
async def test_leaders_lose_one_engine_after_the_other(
    network: Network, tmp_path: Path
) -> None:
    async with three_hosts(network, tmp_path) as hosts:
        for version, engine in enumerate(("database", "broker"), start=2):
            await lose_the_leader(hosts, version, engine)
