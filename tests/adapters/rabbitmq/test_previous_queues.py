"""Queues of the version before drain into those of today, on a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aio_pika
import pytest
from aio_pika.exceptions import ChannelNotFoundEntity

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.settings import Broker
from service.events.envelope import Event
from service.ports.bus import Role
from tests.support.broker import broker_url, swept

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(150, func_only=True)]

RECORDED = Path(__file__).parents[2] / "recorded" / "events" / "push.received.v1.json"
SAMPLE = Event.from_bytes(RECORDED.read_bytes())

EVALUATE = Role(name="evaluate", events=("push.received.v1",))
"""As version 0.1.0 declared it."""
EVALUATION = Role(
    name="evaluation",
    events=("push.received.v2", "push.received.v1"),
    previous_names=("evaluate",),
)


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    asked = Broker(
        url=broker_url(),
        delays=(timedelta(milliseconds=300), timedelta(seconds=2)),
        delivery_limit=2,
    )
    async with swept(asked, EVALUATE, EVALUATION) as broker:
        yield broker


def a_push_of_then(number: int) -> Event:
    return SAMPLE.model_copy(update={"id": f"01J{number:023d}"})


@asynccontextmanager
async def a_bus(broker: Broker, role: Role) -> AsyncIterator[RabbitBus]:
    async with RabbitBus.open(broker, roles=[role], clock=SystemClock()) as bus:
        yield bus


async def handled(bus: RabbitBus, role: Role, *, count: int) -> list[str]:
    ids = list[str]()
    async with aclosing(bus.messages(role, prefetch=5)) as messages:
        async for message in messages:
            ids.append(Event.from_bytes(message.body).id)
            await message.ack()
            if len(ids) == count:
                return ids
    raise AssertionError


async def queues_there(broker: Broker, *names: str) -> list[str]:
    there = []
    connection = await aio_pika.connect(broker.url)
    async with connection:
        for name in names:
            async with connection.channel() as channel:
                try:
                    await channel.declare_queue(
                        f"{broker.prefix}.{name}", durable=True, passive=True
                    )
                except ChannelNotFoundEntity:
                    continue
                there.append(name)
    return there


async def until_gone(broker: Broker, *names: str) -> None:
    async with asyncio.timeout(20):
        while await queues_there(broker, *names):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.1)


async def test_what_waited_for_an_earlier_name_is_handled_and_its_queues_are_gone(
    broker: Broker,
) -> None:
    pushes = [a_push_of_then(number) for number in range(6)]
    async with a_bus(broker, EVALUATE) as bus:
        await bus.publish(pushes)
        async with aclosing(bus.messages(EVALUATE, prefetch=2)) as messages:
            await (await anext(messages)).dead_letter(error="ValueError: a bug of then")
            delayed = await anext(messages)
            await delayed.retry(after=timedelta(seconds=2), error="not yet")

    async with a_bus(broker, EVALUATION) as bus:
        ids = await handled(bus, EVALUATION, count=5)
        await until_gone(broker, "evaluate", "evaluate.dead")
        await bus.publish([a_push_of_then(7)])
        again = await handled(bus, EVALUATION, count=1)
        (letter,) = await bus.dead_letters("evaluation")
        await bus.requeue(letter.id)
        requeued = await handled(bus, EVALUATION, count=1)

    assert sorted(ids) == [push.id for push in pushes[1:]]
    assert again == [a_push_of_then(7).id]
    assert (letter.error, letter.attempts) == ("ValueError: a bug of then", 1)
    assert requeued == [pushes[0].id]


async def test_a_queue_that_earlier_consumers_read_is_left_to_them(
    broker: Broker,
) -> None:
    async with a_bus(broker, EVALUATE) as earlier:
        await earlier.publish([a_push_of_then(1)])
        async with aclosing(earlier.messages(EVALUATE, prefetch=1)) as messages:
            held = await anext(messages)
            async with a_bus(broker, EVALUATION) as bus:
                await bus.publish([a_push_of_then(2)])
                ids = await handled(bus, EVALUATION, count=1)
                there = await queues_there(broker, "evaluate")
                await held.ack()

    assert ids == [a_push_of_then(2).id]
    assert there == ["evaluate"]


async def test_what_an_earlier_consumer_sends_to_wait_or_buries_comes_to_today(
    broker: Broker,
) -> None:
    async with a_bus(broker, EVALUATE) as earlier, a_bus(broker, EVALUATION) as bus:
        await earlier.publish([a_push_of_then(1), a_push_of_then(2)])
        async with aclosing(earlier.messages(EVALUATE, prefetch=2)) as messages:
            first, second = await anext(messages), await anext(messages)
            assert sorted(await handled(bus, EVALUATION, count=2)) == [
                a_push_of_then(1).id,
                a_push_of_then(2).id,
            ]  # both queues had them; from now on only today's gets new ones
            await first.retry(after=timedelta(milliseconds=300), error="not yet")
            await second.dead_letter(error="ValueError: a bug of then")
            returned = await handled(bus, EVALUATION, count=1)
            async with asyncio.timeout(10):
                # The broker tells nobody.
                while not (letters := await bus.dead_letters("evaluation")):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)

    assert returned == [Event.from_bytes(first.body).id]
    # As both dead queues may have had it: at least once, as anything on the bus.
    assert {letter.error for letter in letters} == {"ValueError: a bug of then"}
