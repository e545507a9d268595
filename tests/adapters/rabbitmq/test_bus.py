"""What RabbitMQ promises beside the contract of the bus."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aio_pika
import pytest

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.settings import Broker
from service.errors import NotFoundError, PermanentError, TransientError
from service.events.envelope import Event
from service.ports.bus import DeadLetter, Message, Role
from tests.adapters.rabbitmq.conftest import EVALUATE, WATCH, a_push
from tests.support.broker import OwnBroker, free_port

pytestmark = [
    pytest.mark.rabbitmq,
    # The broker of one's own starts once for all tests that need it.
    pytest.mark.timeout(150, func_only=True),
]

SOON = 10


async def next_message(bus: RabbitBus, role: Role = EVALUATE) -> Message:
    async with asyncio.timeout(SOON), aclosing(bus.messages(role, prefetch=5)) as them:
        async for message in them:
            await message.ack()
            return message
    raise AssertionError


async def test_an_event_travels_in_binary_form_with_its_attributes_in_headers(
    broker: Broker,
) -> None:
    event = a_push().model_copy(update={"traceparent": "00-aa-bb-01"})
    async with RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus:
        await bus.publish([event])
        connection = await aio_pika.connect(broker.url)
        async with connection, connection.channel() as channel:
            queue = await channel.get_queue(f"{broker.prefix}.evaluate")
            raw = await queue.get(no_ack=True)

    assert raw is not None
    assert raw.headers == {
        "x-delivery-count": 0,  # the queue's own
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": event.id,
        "cloudEvents_source": "/relaunch",
        "cloudEvents_type": "dev.relaunch.push.received.v2",
        "cloudEvents_time": "2026-03-01T12:00:00+00:00",
        "cloudEvents_traceparent": "00-aa-bb-01",
    }
    assert raw.content_type == "application/json"
    assert raw.message_id == event.id
    assert raw.app_id == "relaunch"
    assert raw.timestamp == event.time
    assert raw.delivery_mode is aio_pika.DeliveryMode.PERSISTENT
    assert raw.routing_key == "push.received.v2"
    assert json.loads(raw.body) == event.data


async def test_a_structured_event_of_another_service_is_read_too(
    broker: Broker,
) -> None:
    async with RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus:
        await publish_raw(
            broker, a_push().to_bytes(), "application/cloudevents+json; charset=utf-8"
        )
        message = await next_message(bus)

    assert Event.from_bytes(message.body) == a_push()


async def test_what_is_no_event_still_arrives_so_that_it_can_be_buried(
    broker: Broker,
) -> None:
    async with RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus:
        await publish_raw(broker, b"\xff{nonsense", "text/plain")
        async with aclosing(bus.messages(EVALUATE, prefetch=1)) as messages:
            message = await anext(messages)
            await message.dead_letter(error="no CloudEvent")
        (letter,) = await bus.dead_letters()

    assert message.body == b"\xff{nonsense"
    assert letter.event == b"\xff{nonsense"
    assert letter.error == "no CloudEvent"
    assert letter.attempts == 1


async def test_an_event_that_a_role_wants_and_no_queue_takes_is_an_error(
    broker: Broker,
) -> None:
    async with RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus:
        await delete_queue(broker, "evaluate")

        with pytest.raises(TransientError, match="NO_ROUTE"):
            await bus.publish([a_push()])


async def test_an_event_that_no_role_wants_is_no_error(broker: Broker) -> None:
    async with RabbitBus.open(broker, roles=[WATCH], clock=SystemClock()) as bus:
        await bus.publish([a_push()])


async def test_a_role_that_the_bus_does_not_know_is_refused(broker: Broker) -> None:
    async with RabbitBus.open(broker, roles=[WATCH], clock=SystemClock()) as bus:
        with pytest.raises(PermanentError, match="without the role evaluate"):
            await anext(bus.messages(EVALUATE, prefetch=1))


async def test_an_error_of_the_block_is_raised_as_it_is(broker: Broker) -> None:
    with pytest.raises(ZeroDivisionError):
        async with RabbitBus.open(broker, roles=[WATCH], clock=SystemClock()):
            raise ZeroDivisionError


async def test_a_deleted_queue_is_made_again_and_read_again(broker: Broker) -> None:
    async with (
        RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus,
        asyncio.timeout(20),
        aclosing(bus.messages(EVALUATE, prefetch=5)) as messages,
    ):
        await bus.publish([a_push(1)])
        await (await anext(messages)).ack()
        await delete_queue(broker, "evaluate")
        async with asyncio.TaskGroup() as group:
            arriving = group.create_task(anext(messages))
            await publish_until_taken(bus, a_push(2))
        message: Message = arriving.result()

        assert Event.from_bytes(message.body).id == a_push(2).id


async def test_a_retry_waits_its_time_and_counts(broker: Broker) -> None:
    async with (
        RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus,
        asyncio.timeout(SOON),
        aclosing(bus.messages(EVALUATE, prefetch=5)) as messages,
    ):
        await bus.publish([a_push()])
        first = await anext(messages)
        began = asyncio.get_running_loop().time()
        await first.retry(after=timedelta(seconds=1), error="the forge is away")
        second = await anext(messages)
        took = asyncio.get_running_loop().time() - began
        await second.retry(after=timedelta(0), error="the forge is away")
        third = await anext(messages)

        assert [first.attempt, second.attempt, third.attempt] == [1, 2, 3]
        assert second.body == first.body
        assert 2 <= took < 4, "the fitting delay of this test is two seconds"


async def test_a_retry_beyond_the_longest_delay_waits_in_steps(broker: Broker) -> None:
    short = replace(broker, delays=(timedelta(milliseconds=300),))
    async with (
        RabbitBus.open(short, roles=[EVALUATE], clock=SystemClock()) as bus,
        asyncio.timeout(SOON),
        aclosing(bus.messages(EVALUATE, prefetch=5)) as messages,
    ):
        await bus.publish([a_push()])
        began = asyncio.get_running_loop().time()
        await (await anext(messages)).retry(after=timedelta(seconds=1), error="later")
        again = await anext(messages)
        took = asyncio.get_running_loop().time() - began

        assert took >= 1
        assert again.attempt == 2


async def test_a_message_that_kills_its_consumers_ends_among_the_dead(
    broker: Broker,
) -> None:
    async with RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus:
        await bus.publish([a_push()])
        attempts = []
        for _ in range(broker.delivery_limit + 1):
            async with aclosing(bus.messages(EVALUATE, prefetch=1)) as messages:
                attempts.append((await anext(messages)).attempt)
        (letter,) = await until_dead(bus)
        await bus.requeue(letter.id)
        again = await next_message(bus)

        assert attempts == [1, 2, 3]
        assert letter.error == "given back 3 times by consumers that died or lost it"
        assert letter.attempts == 3
        assert Event.from_bytes(letter.event) == a_push()
        assert again.attempt == 1
        assert await bus.dead_letters() == []


async def test_looking_at_dead_letters_often_loses_none(broker: Broker) -> None:
    async with RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()) as bus:
        await bus.publish([a_push(number) for number in range(3)])
        async with aclosing(bus.messages(EVALUATE, prefetch=5)) as messages:
            for number in range(3):
                await (await anext(messages)).dead_letter(error=f"error {number}")
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(bus.dead_letters()) for _ in range(4)]
        for _ in range(20):
            await bus.dead_letters("evaluate")
        letters = await bus.dead_letters("evaluate")

        assert [look.result() for look in looks] == [letters] * 4
        assert [letter.error for letter in letters] == ["error 0", "error 1", "error 2"]
        await bus.drop(letters[1].id)
        left = await bus.dead_letters()
        assert [letter.error for letter in left] == ["error 0", "error 2"]
        with pytest.raises(NotFoundError):
            await bus.drop(letters[1].id)
        with pytest.raises(NotFoundError):
            await bus.requeue("no-role.1")


async def test_a_queue_with_another_argument_is_named_with_it(broker: Broker) -> None:
    async with RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()):
        pass
    other = replace(broker, delivery_limit=7)

    for asked in (other, replace(other, declare=False)):
        with pytest.raises(PermanentError) as failed:
            async with RabbitBus.open(asked, roles=[EVALUATE], clock=SystemClock()):
                pass
        assert str(failed.value).endswith(
            f"queue {broker.prefix}.evaluate has x-delivery-limit 2; expected 7"
        )


async def test_a_missing_queue_is_named_when_it_is_not_to_be_declared(
    broker: Broker,
) -> None:
    async with RabbitBus.open(broker, roles=[EVALUATE], clock=SystemClock()):
        pass
    checked = replace(broker, declare=False)

    async with RabbitBus.open(checked, roles=[EVALUATE], clock=SystemClock()) as bus:
        await bus.ping()
    with pytest.raises(PermanentError, match=rf"no queue '{broker.prefix}\.watch'"):
        async with RabbitBus.open(
            checked, roles=[EVALUATE, WATCH], clock=SystemClock()
        ):
            pass


async def test_a_wrong_password_is_a_clear_error_without_the_password(
    broker: Broker,
) -> None:
    address = broker.addresses()[0].with_user("nobody").with_password("s3cret")
    wrong = replace(broker, url=str(address.with_query(None)))

    with pytest.raises(PermanentError, match="the broker refuses it") as failed:
        async with RabbitBus.open(wrong, roles=[EVALUATE], clock=SystemClock()):
            pass

    assert "s3cret" not in str(failed.value)
    assert "s3cret" not in repr(wrong)


async def test_an_unknown_vhost_is_a_clear_error(broker: Broker) -> None:
    address = broker.addresses()[0].with_path("/nowhere").with_query(None)

    with pytest.raises(PermanentError, match="nowhere"):
        async with RabbitBus.open(
            replace(broker, url=str(address)), roles=[EVALUATE], clock=SystemClock()
        ):
            pass


async def test_the_next_host_is_tried_when_one_is_down(broker: Broker) -> None:
    address = broker.addresses()[0]
    hosts = f"127.0.0.1:{free_port()},{address.host}:{address.port}"
    several = replace(broker, url=f"amqp://{address.raw_user}:guest@{hosts}/")

    async with RabbitBus.open(several, roles=[EVALUATE], clock=SystemClock()) as bus:
        await bus.publish([a_push()])
        message = await next_message(bus)

    assert Event.from_bytes(message.body) == a_push()


async def test_a_broker_that_is_away_at_the_start_fails_only_what_needs_it() -> None:
    away = Broker(url=f"amqp://127.0.0.1:{free_port()}")

    async with RabbitBus.open(away, roles=[EVALUATE], clock=SystemClock()) as bus:
        with pytest.raises(TransientError, match="no connection to the broker"):
            await bus.publish([a_push()])
        with pytest.raises(TransientError):
            await bus.ping()


async def test_a_client_certificate_and_an_authority_of_ones_own_open_the_door(
    own: OwnBroker, mortal: Broker
) -> None:
    files = own.certificates
    shown = replace(
        mortal,
        url=own.tls_url,
        ca_file=files.ca,
        certificate_file=files.client,
        key_file=files.client_key,
    )

    async with RabbitBus.open(shown, roles=[EVALUATE], clock=SystemClock()) as bus:
        await bus.publish([a_push()])
        message = await next_message(bus)

    assert Event.from_bytes(message.body) == a_push()


async def test_a_broker_that_nobody_vouches_for_is_not_trusted(
    own: OwnBroker, mortal: Broker
) -> None:
    stranger = replace(mortal, url=own.tls_url)

    async with RabbitBus.open(stranger, roles=[EVALUATE], clock=SystemClock()) as bus:
        with pytest.raises(TransientError, match="certificate verify failed"):
            await bus.publish([a_push()])


def test_a_missing_certificate_file_is_named(tmp_path: Path) -> None:
    broker = Broker(url="amqps://b", ca_file=tmp_path / "missing.pem")

    with pytest.raises(PermanentError, match="TLS files cannot be used"):
        broker.tls()


@pytest.mark.parametrize(
    "url",
    ["http://a:s3cret@b", "amqp://", "amqp://a:s3cret@b:port/", "rabbit", ""],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_secrets(
    url: str,
) -> None:
    with pytest.raises(PermanentError) as failed:
        Broker(url=url).addresses()

    assert "s3cret" not in str(failed.value)


async def publish_raw(broker: Broker, body: bytes, content_type: str) -> None:
    connection = await aio_pika.connect(broker.url)
    async with connection, connection.channel() as channel:
        exchange = await channel.get_exchange(f"{broker.prefix}.events")
        await exchange.publish(
            aio_pika.Message(body, content_type=content_type), "push.received.v2"
        )


async def delete_queue(broker: Broker, role: str) -> None:
    connection = await aio_pika.connect(broker.url)
    async with connection, connection.channel() as channel:
        await channel.queue_delete(f"{broker.prefix}.{role}")


async def publish_until_taken(bus: RabbitBus, event: Event) -> None:
    while True:
        try:
            await bus.publish([event])
        except TransientError:
            await asyncio.sleep(0.1)
        else:
            return


async def until_dead(bus: RabbitBus) -> Sequence[DeadLetter]:
    async with asyncio.timeout(SOON):
        letters: Sequence[DeadLetter] = []
        while not letters:
            letters = await bus.dead_letters()
    return letters
