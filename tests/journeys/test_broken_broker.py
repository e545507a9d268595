"""The broker goes away in the middle of a stream of deliveries; 202 stays true."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from tests.journeys.test_kill import Course, a_course
from tests.support.broker import OwnBroker, broker_url, own_broker
from tests.support.cluster import SHARED, Cluster, a_cluster
from tests.support.proxy import Proxy, proxy_to
from tests.support.repos import Repo
from tests.support.service import Service, delivery

pytestmark = [
    pytest.mark.outage,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    # The broker starts once for all; a busy machine may take long over it.
    pytest.mark.timeout(120, func_only=True),
]

BUDGET: Final = 1.0
"""Seconds that the bus may take, then the database."""
SLOWEST: Final = 2 * BUDGET + 1.5
"""Seconds: both, and what a busy machine adds."""
DELIVERIES: Final = 240
PER_SECOND: Final = 40
BREAKS_AT: Final = 60
MENDED_FROM: Final = 150
MEMORY: Final = 40 * 1024 * 1024
"""Bytes that a receiver may grow by."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    with own_broker(tmp_path_factory.mktemp("rabbitmq")) as broker:
        yield broker


@dataclass(kw_only=True)
class Stream:
    """Deliveries at a steady rate, whatever becomes of those before."""

    receiver: Service
    course: Course
    accepted: list[str] = field(default_factory=list)
    refused: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    slowest: float = 0.0

    async def send(
        self, *, count: int, at: Mapping[int, Callable[[], Awaitable[object]]]
    ) -> None:
        """Send deliveries, and do what is to be done at some of them beside."""
        began = time.monotonic()
        async with (
            ClientSession(timeout=ClientTimeout(total=15)) as session,
            asyncio.TaskGroup() as group,
        ):
            for number in range(count):
                due = began + number / PER_SECOND - time.monotonic()
                await asyncio.sleep(max(0.0, due))
                if number in at:
                    group.create_task(_awaited(at[number]))
                group.create_task(self.post(session))

    async def post(self, session: ClientSession) -> None:
        tip = self.course.repo.tip()
        path, headers, body = delivery(self.course.hook, "refs/heads/main", tip)
        began = time.monotonic()
        async with session.post(
            self.receiver.url + path,
            data=body,
            headers={**headers, "Content-Type": "application/json"},
        ) as answer:
            told = await answer.json()
        self.slowest = max(self.slowest, time.monotonic() - began)
        if answer.status == 202:
            self.accepted.append(told["delivery"])
        else:
            self.refused.append((answer.status, dict(answer.headers)))


async def _awaited(act: Callable[[], Awaitable[object]]) -> None:
    await act()


async def told(service: Service, path: str) -> Any:
    return await asyncio.to_thread(service.api, "GET", path)


async def eventually(
    holds: Callable[[], Awaitable[bool]], what: str, seconds: float
) -> None:
    end = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.2)


async def all_evaluated(service: Service, deliveries: list[str]) -> None:
    """Wait for it; what is still on its way to the consumers is not on record yet."""
    waiting = list(deliveries)
    headers = {"Authorization": f"Bearer {SHARED['RELAUNCH_TOKEN']}"}
    async with ClientSession(service.url, headers=headers) as session:

        async def none_waits() -> bool:
            while waiting:
                path = f"/api/data/explanations?of={waiting[-1]}"
                async with session.get(path) as answer:
                    story = await answer.json()
                if answer.status == 404 or not story["evaluations"]:
                    return False
                waiting.pop()
            return True

        await eventually(none_waits, "every accepted delivery to be evaluated", 60)


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
            count=DELIVERIES,
            at={
                BREAKS_AT: partial(change, trouble.begin, own, proxy, trouble),
                BREAKS_AT + 40: partial(asyncio.to_thread, course.push, 2),
                MENDED_FROM: partial(change, trouble.end, own, proxy, trouble),
                DELIVERIES - 20: partial(asyncio.to_thread, course.push, 3),
            },
        )
        await stream.send(count=1, at={})
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
        assert 0 < spooled < DELIVERIES
        assert stream.slowest < SLOWEST
        assert 2 <= built <= 3, "three definitions, one of them maybe never seen"
        builds = await told(receiver, "/builds?limit=50")
        images = [it["result"]["image"] for it in builds if it["ended"] == "built"]
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
    budget = {"RELAUNCH_RECEIVE_PUBLISH_BUDGET": f"{BUDGET:g}s"}
    receiver = cluster.receiver("one", **budget)
    consumer = cluster.consumer("one", **budget)
    async with asyncio.TaskGroup() as group:
        for process in (receiver, consumer):
            group.create_task(asyncio.to_thread(process.start))
    return receiver, consumer


async def is_built(receiver: Service, course: Course) -> bool:
    launcher = await told(receiver, f"/session_launchers/{course.launcher['id']}")
    (evaluation, *_) = await told(
        receiver, f"/sources/{launcher['source_id']}/evaluations"
    ) or [{}]
    is_seen = evaluation.get("commit") == course.repo.tip()
    return bool(is_seen and launcher["generation"] and not launcher["outdated"])


def a_bare_course(receiver: Service, folder: Path) -> Course:
    """Follow a repository that nothing is built from."""
    repo = Repo(folder / "bare.git")
    repo.commit({"README.md": "nothing to install"})
    course = Course(name="bare", repo=repo, launcher={}, hook={})
    course.launcher = receiver.follow(repo.url, "bare")
    body = {"repository": repo.url, "forge": "github"}
    course.hook = receiver.api("POST", "/hooks", body)
    return course


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
            await stream.send(count=20, at={})
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
            await stream.send(count=10, at={})

            for proxy in (bus, store):
                getattr(proxy, how)()
            await stream.send(count=DELIVERIES, at={})
            refused = len(stream.refused)
            for proxy in (bus, store):
                proxy.heal()
            await eventually(partial(accepts, stream), "a delivery to be accepted", 30)
            await all_evaluated(receiver, stream.accepted)

        print(f"{how}: slowest {stream.slowest:.2f} s")  # noqa: T201
        assert refused == DELIVERIES
        assert {status for status, _ in stream.refused} == {503}
        assert all(int(it["Retry-After"]) > 0 for _, it in stream.refused)
        assert stream.slowest < 10, "forges give up after ten seconds"


async def accepts(stream: Stream) -> bool:
    before = len(stream.accepted)
    with suppress(json.JSONDecodeError):
        await stream.send(count=1, at={})
    return len(stream.accepted) > before
