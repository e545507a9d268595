"""A consumer that the broker takes no notice of is noticed, and consumes anew."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest
from aiormq.exceptions import AMQPError

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.connection import (
    BrokerConnection,
    OpenConnection,
    open_connection,
)
from service.adapters.rabbitmq.messages.cloudevents import to_amqp
from service.adapters.rabbitmq.sender import OutgoingMessage
from service.adapters.rabbitmq.settings import Broker
from service.errors import TransientError
from service.events.envelope import Event
from service.ports.bus import Message
from tests.adapters.rabbitmq.conftest import EVALUATE, a_push
from tests.support.broker import OwnBroker
from tests.support.proxy import proxy_to

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.timeout(150, func_only=True),
]

FORGET = """
{{ok, Queue}} = rabbit_amqqueue:lookup(
    rabbit_misc:r(<<"own">>, queue, <<"{queue}">>)),
Leader = amqqueue:get_pid(Queue),
{{ok, {{_, Consumers}}, _}} = ra:local_query(
    Leader, fun(State) -> rabbit_fifo:query_consumers(State) end),
[ra:process_command(Leader, rabbit_fifo:make_checkout(Id, cancel, #{{}}))
    || Id <- maps:keys(Consumers)].
"""
"""What is left of a consumer whose queue took it for gone: a channel that is open, and
a queue that sends nothing there.

https://github.com/rabbitmq/rabbitmq-server/blob/v3.10.8/deps/rabbit/src/rabbit_fifo.erl
"""


def forget_consumers(own: OwnBroker, queue: str) -> None:
    """Have a queue forget its consumers, and tell nobody."""
    subprocess.run(
        ["rabbitmqctl", "eval", FORGET.format(queue=queue)],
        env=own.tools,
        check=True,
        capture_output=True,
    )


async def test_a_consumer_that_its_queue_forgot_gets_what_comes_later(
    own: OwnBroker, mortal: Broker
) -> None:
    broker = replace(mortal, silence=timedelta(seconds=1))
    async with (
        RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus,
        aclosing(bus.messages(EVALUATE, prefetch=10)) as messages,
    ):
        await bus.publish([a_push(1)])
        await (await anext(messages)).ack()

        queue = f"{broker.prefix}.{EVALUATE.name}"
        await asyncio.to_thread(forget_consumers, own, queue)
        await bus.publish([a_push(2)])
        message = await anext(messages)

        assert Event.from_bytes(message.body).id == a_push(2).id
        assert message.attempt == 1
        await message.ack()


async def test_a_message_that_takes_its_time_is_not_brought_again(
    mortal: Broker,
) -> None:
    broker = replace(mortal, silence=timedelta(milliseconds=100))
    async with (
        RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus,
        aclosing(bus.messages(EVALUATE, prefetch=10)) as messages,
    ):
        await bus.publish([a_push(1)])
        slow = await anext(messages)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(next_of(messages))
            await asyncio.sleep(1)
            assert not following.done()
            await slow.ack()
            await bus.publish([a_push(2)])

        message = following.result()
        assert Event.from_bytes(message.body).id == a_push(2).id
        await message.ack()


async def next_of(messages: AsyncGenerator[Message, None]) -> Message:
    return await anext(messages)


async def test_a_connection_that_takes_nothing_more_is_closed_all_the_same(
    own: OwnBroker, mortal: Broker
) -> None:
    async with proxy_to(own.port) as proxy:
        url = f"amqp://guest:guest@127.0.0.1:{proxy.port}/own"

        async def prepare(*_: object) -> None:
            """Declare nothing."""

        link = BrokerConnection(broker=replace(mortal, url=url), prepare=prepare)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(link.run())
            session = await link.connected()
            async with open_connection(session) as channel:
                underlay = await channel.get_underlay_channel()
                closing = underlay.closing
                proxy.swallow()
                # More than the kernel takes for a peer that reads nothing.
                for number in range(30):
                    group.create_task(send_in_vain(session, number))
                await asyncio.sleep(1)
                link.discard(session, why="the test")
                await asyncio.wait([closing], timeout=60)

                assert closing.done()
            running.cancel()


async def send_in_vain(session: OpenConnection, number: int) -> None:
    message = OutgoingMessage(
        id=f"{number}",
        exchange="",
        key="nobody's",
        properties=to_amqp(a_push(number))[0],
        body=bytes(1_000_000),
        mandatory=False,
    )
    with pytest.raises((AMQPError, RuntimeError, TransientError)):
        await session.sender.send(message)
