"""The broker goes away in the middle of a stream of deliveries; 202 stays true."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from aiohttp import ClientSession
from yarl import URL

from tests.support.broker import OwnBroker, broker_url, own_broker
from tests.support.cluster import Cluster, a_cluster
from tests.support.courses import a_bare_course, a_course
from tests.support.outcomes import all_evaluated, is_built, told
from tests.support.proxy import Proxy, proxy_to
from tests.support.service import Service
from tests.support.stream import Stream, eventually

pytestmark = [
    pytest.mark.outage,
    pytest.mark.xdist_group("outages"),
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    # The broker starts once for all; a busy machine may take long over it.
    pytest.mark.timeout(150, func_only=True),
]

BUDGET: Final = 3.0
"""Seconds that the bus may take, then the database."""
SLOWEST: Final = 2 * BUDGET + 1.5
"""Seconds: both, and what a busy machine adds."""
DELIVERIES: Final = 110
BREAKS_AT: Final = 10
PUSHED_AT: Final = 20
MENDED_FROM: Final = 90
"""Broken for four seconds: longer than the budget."""
MEMORY: Final = 40 * 1024 * 1024
"""Bytes that a receiver may grow by."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    with own_broker(tmp_path_factory.mktemp("rabbitmq")) as broker:
        yield broker


async def is_ready(service: Service) -> tuple[int, dict[str, str]]:
    async with (
        ClientSession() as session,
        session.get(f"{service.url}/readyz") as answer,
    ):
        return answer.status, (await answer.json())["parts"]


@asynccontextmanager
async def through(own: OwnBroker) -> AsyncIterator[tuple[Proxy, str]]:
    async with proxy_to(own.port) as proxy:
        yield proxy, str(URL(own.url).with_port(proxy.port))


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is done to the broker, or to the network in front of it."""

    begin: Callable[[OwnBroker, Proxy], object]
    end: Callable[[OwnBroker, Proxy], object]
    is_network: bool = False


TROUBLES: Final = {
    "stopped": Trouble(begin=lambda it, _: it.stop(), end=lambda it, _: it.start()),
    "killed": Trouble(begin=lambda it, _: it.kill(), end=lambda it, _: it.start()),
    "paused": Trouble(begin=lambda it, _: it.pause(), end=lambda it, _: it.resume()),
    "cut-off": Trouble(
        begin=lambda _, it: it.refuse(), end=lambda _, it: it.heal(), is_network=True
    ),
    "half-open": Trouble(
        begin=lambda _, it: it.swallow(), end=lambda _, it: it.heal(), is_network=True
    ),
}


@pytest.mark.index
@pytest.mark.parametrize("kind", TROUBLES)
async def test_what_was_accepted_while_the_broker_was_away_is_evaluated_and_built_once(
    own: OwnBroker, tmp_path: Path, kind: str
) -> None:
    trouble = TROUBLES[kind]
    async with (
        through(own) as (proxy, way),
        a_cluster(
            tmp_path, bus=own.url, way=way if trouble.is_network else ""
        ) as cluster,
    ):
        receiver, consumer = await two_processes(cluster)
        course = await asyncio.to_thread(a_course, receiver, tmp_path, "course")
        await eventually(partial(is_built, receiver, course), "the first image", 40)
        stream = Stream(receiver=receiver, course=course)
        before = receiver.memory()

        await stream.send(
            DELIVERIES,
            at={
                BREAKS_AT: partial(change, trouble.begin, own, proxy, trouble),
                PUSHED_AT: partial(asyncio.to_thread, course.push, 2),
                MENDED_FROM: partial(change, trouble.end, own, proxy, trouble),
            },
        )
        await stream.send(1)
        grown = receiver.memory() - before
        await all_evaluated(receiver, stream.accepted)
        await eventually(partial(is_built, receiver, course), "the last image", 40)

        spooled = await asyncio.to_thread(
            receiver.metric, "relaunch_deliveries_spooled_total"
        )
        built = await asyncio.to_thread(consumer.metric, "relaunch_builds_total")
        print(f"{kind}: slowest {stream.slowest:.2f} s, {spooled:g} spooled")  # noqa: T201
        assert stream.refused == []
        assert len(stream.accepted) == DELIVERIES + 1
        assert spooled > 0
        assert stream.slowest < SLOWEST
        assert built == 2, "two definitions"
        builds = await told(receiver, "/builds?limit=50")
        images = [
            build["result"]["image"] for build in builds if build["ended"] == "built"
        ]
        assert len(images) == len(set(images)), "one push was built twice"
        assert await told(receiver, "/dead_letters") == []
        assert grown < MEMORY


async def change(
    act: Callable[[OwnBroker, Proxy], object],
    own: OwnBroker,
    proxy: Proxy,
    trouble: Trouble,
) -> None:
    if trouble.is_network:
        act(own, proxy)
    else:
        await asyncio.to_thread(act, own, proxy)


async def two_processes(cluster: Cluster) -> tuple[Service, Service]:
    budget = {"RELAUNCH_RECEIVE_PUBLISH_DEADLINE": f"{BUDGET:g}s"}
    receiver = cluster.receiver("one", **budget)
    consumer = cluster.consumer("one", **budget)
    async with asyncio.TaskGroup() as group:
        for process in (receiver, consumer):
            group.create_task(asyncio.to_thread(process.start))
    return receiver, consumer


async def test_processes_that_start_before_the_broker_say_so_and_catch_up(
    tmp_path: Path,
) -> None:
    usual = URL(broker_url())
    async with proxy_to(usual.port or 5672) as proxy:
        proxy.refuse()
        way = str(usual.with_port(proxy.port))
        async with a_cluster(tmp_path, bus=str(usual), way=way) as cluster:
            processes = await two_processes(cluster)
            receiver, _ = processes
            for process in processes:
                assert await is_ready(process) == (
                    503,
                    {"bus": "unavailable", "store": "ok"},
                )
            course = await asyncio.to_thread(a_bare_course, receiver, tmp_path)
            stream = Stream(receiver=receiver, course=course)
            await stream.send(20)
            assert len(stream.accepted) == 20

            proxy.heal()
            await all_evaluated(receiver, stream.accepted)
            for process in processes:
                assert (await is_ready(process))[0] == 200


@pytest.mark.parametrize("how", ["refuse", "swallow"])
async def test_without_broker_and_database_the_forge_is_told_to_come_again(
    tmp_path: Path, how: str
) -> None:
    usual = URL(broker_url())
    async with (
        proxy_to(usual.port or 5672) as bus,
        a_cluster(
            tmp_path, bus=str(usual), way=str(usual.with_port(bus.port))
        ) as cluster,
    ):
        database = URL(cluster.variables["RELAUNCH_DATABASE"])
        async with proxy_to(database.port or 5432) as store:
            cluster.variables["RELAUNCH_DATABASE"] = str(database.with_port(store.port))
            receiver, _ = await two_processes(cluster)
            course = await asyncio.to_thread(a_bare_course, receiver, tmp_path)
            stream = Stream(receiver=receiver, course=course)
            await stream.send(10)

            for proxy in (bus, store):
                getattr(proxy, how)()
            await stream.send(DELIVERIES)
            refused = len(stream.refused)
            for proxy in (bus, store):
                proxy.heal()
            await eventually(partial(accepts, stream), "a delivery to be accepted", 30)
            await all_evaluated(receiver, stream.accepted)

        print(f"{how}: slowest {stream.slowest:.2f} s")  # noqa: T201
        assert refused == DELIVERIES
        assert {status for status, _ in stream.refused} == {503}
        assert all(int(entry["Retry-After"]) > 0 for _, entry in stream.refused)
        assert stream.slowest < 10, "forges give up after ten seconds"


async def accepts(stream: Stream) -> bool:
    before = len(stream.accepted)
    with suppress(json.JSONDecodeError):
        await stream.send(1)
    return len(stream.accepted) > before
