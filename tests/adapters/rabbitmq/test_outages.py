"""A real broker is stopped, killed, paused and cut off: nothing published is lost."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.settings import Broker
from service.errors import TransientError
from service.events.envelope import Event
from tests.adapters.rabbitmq.conftest import EVALUATE, WATCH, a_push
from tests.support.broker import OwnBroker
from tests.support.proxy import Proxy, proxy_to

pytestmark = [
    pytest.mark.rabbitmq,
    # The broker starts once for all; a busy machine may take long over it.
    pytest.mark.timeout(150, func_only=True),
]

STARTS_WITHIN = 80
"""Seconds; seven or so when the machine has nothing else to do."""

ANSWERS_WITHIN = 3
"""A confirm may take one second in these tests; the rest is a loaded machine's."""


class Traffic:
    """Publishes all the time, and consumes all the time."""

    def __init__(self, publisher: RabbitBus, consumer: RabbitBus) -> None:
        self._publisher = publisher
        self._consumer = consumer
        self.published: set[str] = set()
        self.consumed: set[str] = set()
        self.refused = 0
        self.slowest = 0.0
        self._number = 0

    async def publish(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._number += 1
            event = a_push(self._number)
            began = loop.time()
            try:
                await self._publisher.publish([event])
            except TransientError:
                self.refused += 1
                await asyncio.sleep(0.02)
            else:
                self.published.add(event.id)
            self.slowest = max(self.slowest, loop.time() - began)
            await asyncio.sleep(0.002)

    async def consume(self) -> None:
        async with aclosing(self._consumer.messages(EVALUATE, prefetch=10)) as messages:
            async for message in messages:
                try:
                    await message.ack()
                except TransientError:
                    continue
                finally:
                    self.consumed.add(Event.from_bytes(message.body).id)

    async def flows(self) -> None:
        """Return when something published from now on was consumed."""
        before = set(self.published)
        await until(lambda: bool((self.consumed & self.published) - before))

    async def refuses(self) -> None:
        """Return when publishing fails."""
        before = self.refused
        await until(lambda: self.refused >= before + 3)

    async def drained(self) -> None:
        """Return when everything published was consumed."""
        await until(lambda: self.published <= self.consumed)


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - the broker and the network tell nobody
        await asyncio.sleep(0.05)


@asynccontextmanager
async def traffic(publishing: Broker, consuming: Broker) -> AsyncIterator[Traffic]:
    async with (
        asyncio.timeout(STARTS_WITHIN),
        RabbitBus.open(publishing, roles=[EVALUATE, WATCH], clock=SystemClock()) as one,
        RabbitBus.open(consuming, roles=[EVALUATE, WATCH], clock=SystemClock()) as two,
        asyncio.TaskGroup() as group,
    ):
        flow = Traffic(one, two)
        publishing_tasks = [group.create_task(flow.publish()) for _ in range(3)]
        consuming_task = group.create_task(flow.consume())
        await flow.flows()
        yield flow
        for task in publishing_tasks:
            task.cancel()
        await flow.drained()
        consuming_task.cancel()

        assert flow.published
        assert flow.slowest < ANSWERS_WITHIN


@pytest.mark.timeout(150, func_only=True)
@pytest.mark.parametrize(
    "end", [OwnBroker.kill, OwnBroker.stop], ids=["killed", "stopped"]
)
async def test_nothing_is_lost_when_the_broker_is_restarted(
    own: OwnBroker, mortal: Broker, end: Callable[[OwnBroker], None]
) -> None:
    async with traffic(mortal, mortal) as flow:
        await asyncio.to_thread(end, own)
        await flow.refuses()
        await asyncio.to_thread(own.start)
        await flow.flows()


async def test_nothing_is_lost_when_the_broker_hangs(
    own: OwnBroker, mortal: Broker
) -> None:
    async with traffic(mortal, mortal) as flow:
        own.pause()
        try:
            await flow.refuses()
            await asyncio.sleep(3)
        finally:
            own.resume()
        await flow.flows()


@pytest.mark.parametrize("side", ["publisher", "consumer"])
@pytest.mark.parametrize("how", ["cut", "refuse", "swallow"])
async def test_nothing_is_lost_on_a_bad_network(
    own: OwnBroker, mortal: Broker, side: str, how: str
) -> None:
    async with proxy_to(own.port) as proxy:
        behind = through(proxy, mortal)
        one, two = (behind, mortal) if side == "publisher" else (mortal, behind)
        async with traffic(one, two) as flow:
            for _ in range(2):
                getattr(proxy, how)()
                await (
                    flow.refuses()
                    if (how, side)
                    in {("refuse", "publisher"), ("swallow", "publisher")}
                    else asyncio.sleep(0.5)
                )
                proxy.heal()
                await flow.flows()


@pytest.mark.parametrize("side", ["publisher", "consumer"])
async def test_when_a_host_goes_away_the_next_one_is_used(
    own: OwnBroker, mortal: Broker, side: str
) -> None:
    async with proxy_to(own.port) as first, proxy_to(own.port) as second:
        hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
        both = replace(mortal, url=f"amqp://guest:guest@{hosts}/own")
        one, two = (both, mortal) if side == "publisher" else (mortal, both)
        async with traffic(one, two) as flow:
            for here, there in ((first, second), (second, first)):
                there.heal()
                here.refuse()
                await flow.flows()


@pytest.mark.parametrize("side", ["publisher", "consumer"])
async def test_a_connection_that_died_silently_is_noticed(
    own: OwnBroker, mortal: Broker, side: str
) -> None:
    async with proxy_to(own.port) as proxy:
        behind = through(proxy, mortal)
        one, two = (behind, mortal) if side == "publisher" else (mortal, behind)
        async with traffic(one, two) as flow:
            proxy.strand()
            await asyncio.sleep(0.1)
            await flow.flows()


async def test_senders_in_a_hurry_do_not_hide_that_a_connection_died(
    own: OwnBroker, mortal: Broker
) -> None:
    patient = replace(
        mortal, heartbeat=timedelta(minutes=1), confirm_within=timedelta(minutes=1)
    )
    async with (
        proxy_to(own.port) as proxy,
        RabbitBus.open(
            through(proxy, patient), roles=[EVALUATE], clock=SystemClock()
        ) as bus,
    ):
        await bus.publish([a_push(1)])
        proxy.strand()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.2):
                await bus.publish([a_push(2)])

        # A fraction of what the heartbeat and the confirm would take.
        async with asyncio.timeout(20):
            while True:
                with suppress(TransientError):
                    await bus.publish([a_push(2)])
                    break
                await asyncio.sleep(0.05)


async def test_whoever_published_in_vain_publishes_again_when_the_broker_is_back(
    own: OwnBroker, mortal: Broker
) -> None:
    async with (
        proxy_to(own.port) as proxy,
        RabbitBus.open(
            through(proxy, mortal), roles=[EVALUATE], clock=SystemClock()
        ) as bus,
    ):
        proxy.refuse()
        with pytest.raises(TransientError, match="of 2 messages"):
            await until_refused(bus, [a_push(1), a_push(2)])
        proxy.heal()

        async with asyncio.timeout(15):
            while True:
                with suppress(TransientError):
                    await bus.publish([a_push(3)])
                    break
                await asyncio.sleep(0.05)


async def test_a_broker_that_answers_slowly_is_connected_to(
    own: OwnBroker, mortal: Broker
) -> None:
    async with proxy_to(own.port) as proxy:
        # Each of the declarations is well in time; all of them are not.
        proxy.latency = timedelta(milliseconds=200)
        slow = replace(
            through(proxy, mortal),
            confirm_within=timedelta(seconds=10),
            connect_within=timedelta(seconds=4),
            delays=tuple(timedelta(seconds=number) for number in range(1, 16)),
        )
        async with (
            asyncio.timeout(100),
            RabbitBus.open(slow, roles=[EVALUATE, WATCH], clock=SystemClock()) as bus,
        ):
            await bus.publish([a_push(1)])


async def test_publishing_to_a_broker_that_swallows_everything_keeps_memory_flat(
    own: OwnBroker, mortal: Broker
) -> None:
    slow_to_notice = replace(
        mortal, heartbeat=timedelta(minutes=1), confirm_within=timedelta(seconds=3)
    )
    async with (
        proxy_to(own.port) as proxy,
        RabbitBus.open(
            through(proxy, slow_to_notice), roles=[EVALUATE], clock=SystemClock()
        ) as bus,
    ):
        await bus.publish([a_push()])
        proxy.swallow()
        tracemalloc.start()
        try:
            used = [await memory_after(bus, publishing=1500) for _ in range(4)]
        finally:
            tracemalloc.stop()
        proxy.heal()

    assert used[3] - used[1] < 1_000_000, "3,000 events would take several megabytes"


async def test_latency_is_shared_by_all_who_publish_at_once(
    own: OwnBroker, mortal: Broker
) -> None:
    async with proxy_to(own.port) as proxy:
        behind = through(proxy, mortal)
        async with RabbitBus.open(behind, roles=[EVALUATE], clock=SystemClock()) as bus:
            proxy.latency = timedelta(milliseconds=100)
            began = asyncio.get_running_loop().time()
            await bus.publish([a_push(number) for number in range(200)])
            took = asyncio.get_running_loop().time() - began

    assert took < 20, "one after the other they would take 40 seconds"


async def until_refused(bus: RabbitBus, events: Sequence[Event]) -> None:
    while True:
        await bus.publish(events)


async def memory_after(bus: RabbitBus, *, publishing: int) -> int:
    """Publish in vain, as receivers with little time do; return what is still held."""

    async def publish(number: int) -> None:
        with pytest.raises((TransientError, TimeoutError)):
            async with asyncio.timeout(0.5):
                await bus.publish([a_push(number)])

    async with asyncio.TaskGroup() as group:
        for number in range(publishing):
            group.create_task(publish(number))
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def through(proxy: Proxy, broker: Broker) -> Broker:
    return replace(broker, url=f"amqp://guest:guest@127.0.0.1:{proxy.port}/own")


async def test_a_consumer_leaves_a_node_that_has_gone_silent(mortal: Broker) -> None:
    port = mortal.addresses()[0].port or 0
    async with proxy_to(port) as way:
        # No heartbeat tells it.
        silent = replace(
            mortal,
            url=mortal.url.replace(f":{port}", f":{way.port}"),
            heartbeat=timedelta(minutes=10),
        )
        async with (
            RabbitBus.open(mortal, roles=[EVALUATE], clock=SystemClock()) as publisher,
            RabbitBus.open(silent, roles=[EVALUATE], clock=SystemClock()) as consumer,
            aclosing(consumer.messages(EVALUATE, prefetch=10)) as messages,
        ):
            await publisher.publish([a_push(1)])
            await (await anext(messages)).ack()
            way.strand()
            # The first ten are with the connection that nobody reads any more.
            await publisher.publish([a_push(number) for number in range(2, 32)])
            await (await anext(messages)).ack()
