"""The network between a receiver and its broker is bad: 202 stays true, and prompt."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from yarl import URL

from consumers.subscriptions import EVALUATION, ROLES
from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.settings import Broker
from service.events.envelope import Event, data_of
from service.events.models import ArrivalData, PushReceived
from tests.support.broker import broker_url
from tests.support.cluster import Cluster, a_cluster
from tests.support.courses import a_bare_course
from tests.support.proxy import Proxy, proxy_to
from tests.support.stream import Act, Stream

pytestmark = [pytest.mark.postgresql, pytest.mark.rabbitmq]

BUDGET: Final = 2.0
"""Seconds that the bus may take, then the database."""
SLOWEST: Final = 2 * BUDGET + 1.5
"""Seconds: both, and what a busy machine adds."""
DELIVERIES: Final = 80
BAD_FROM: Final = 10
WELL_FROM: Final = 60
ARRIVE_WITHIN: Final = 40
"""Seconds: a wait before a connect, one before the spool is drained, a busy machine."""


def late(by: timedelta) -> Callable[[Proxy], None]:
    """Make bytes arrive later, each way."""

    def make_late(proxy: Proxy) -> None:
        proxy.latency = by

    return make_late


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What becomes of the network, and whether the spool has to help."""

    acts: Iterable[tuple[int, Callable[[Proxy], None]]]
    spools: bool


WEATHERS: Final = {
    "late": Weather(acts=[(BAD_FROM, late(timedelta(milliseconds=100)))], spools=False),
    "too late": Weather(
        acts=[
            (BAD_FROM, late(timedelta(milliseconds=2500))),
            (WELL_FROM, late(timedelta(0))),
        ],
        spools=True,
    ),
    "cut": Weather(
        acts=[(number, Proxy.cut) for number in range(BAD_FROM, WELL_FROM, 10)],
        spools=True,
    ),
    "refused": Weather(
        acts=[(BAD_FROM, Proxy.refuse), (WELL_FROM, Proxy.heal)], spools=True
    ),
    "half-open": Weather(
        acts=[(BAD_FROM, Proxy.swallow), (WELL_FROM, Proxy.heal)], spools=True
    ),
    "half-open for the old": Weather(acts=[(BAD_FROM, Proxy.strand)], spools=True),
}


@pytest.mark.parametrize("kind", WEATHERS)
async def test_every_delivery_is_answered_in_time_and_none_that_was_accepted_is_lost(
    tmp_path: Path, kind: str
) -> None:
    weather = WEATHERS[kind]
    usual = URL(broker_url())
    async with (
        proxy_to(usual.port or 5672) as proxy,
        a_cluster(
            tmp_path, bus=str(usual), way=str(usual.with_port(proxy.port))
        ) as cluster,
    ):
        receiver = cluster.receiver(
            "one", RELAUNCH_RECEIVE_PUBLISH_DEADLINE=f"{BUDGET}s"
        )
        await asyncio.to_thread(receiver.start)
        course = await asyncio.to_thread(a_bare_course, receiver, tmp_path)
        stream = Stream(receiver=receiver, course=course)
        async with arriving(cluster, str(usual)) as arrived:
            await stream.send(
                DELIVERIES,
                at={number: done(act, proxy) for number, act in weather.acts},
            )
            proxy.heal()
            async with asyncio.timeout(ARRIVE_WITHIN):
                await arrived.all_of(stream.accepted)
        spooled = await asyncio.to_thread(
            receiver.metric, "relaunch_deliveries_spooled_total"
        )

    assert stream.refused == []
    assert len(stream.accepted) == DELIVERIES
    assert stream.slowest < SLOWEST
    assert bool(spooled) is weather.spools


def done(act: Callable[[Proxy], None], proxy: Proxy) -> Act:
    async def do() -> None:
        act(proxy)

    return do


@dataclass(kw_only=True)
class Arrivals:
    """The deliveries that reached whoever consumes them."""

    ids: set[str] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, bus: RabbitBus) -> None:
        async with aclosing(bus.messages(EVALUATION, prefetch=100)) as messages:
            async for message in messages:
                data = data_of(Event.from_bytes(message.body))
                # New launchers ask for an evaluation, too.
                if isinstance(data, PushReceived):
                    arrivals: list[PushReceived | ArrivalData] = [data, *data.earlier]
                    self.ids.update(arrival.delivery_id or "" for arrival in arrivals)
                await message.ack()
                self.news.set()

    async def all_of(self, deliveries: Iterable[str]) -> None:
        while not self.ids.issuperset(deliveries):
            self.news.clear()
            await self.news.wait()


@asynccontextmanager
async def arriving(cluster: Cluster, url: str) -> AsyncIterator[Arrivals]:
    """Consume during the block, over a good network."""
    broker = Broker(url=url, prefix=cluster.variables["RELAUNCH_AMQP_PREFIX"])
    arrivals = Arrivals()
    async with (
        RabbitBus.open(broker, roles=ROLES, clock=SystemClock()) as bus,
        asyncio.TaskGroup() as group,
    ):
        taking = group.create_task(arrivals.take(bus))
        yield arrivals
        taking.cancel()
