"""Many messages leave in one write; each is confirmed, or its sender learns why."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import aio_pika
import pytest
from aio_pika.abc import AbstractQueue
from aiormq import Channel, spec
from aiormq.exceptions import ChannelNotFoundEntity, PublishError

from service.adapters.rabbitmq.confirms import ConfirmingConnection
from service.adapters.rabbitmq.sender import UNCONFIRMED, OutgoingMessage, Sender
from service.errors import TransientError
from tests.support.broker import broker_url

pytestmark = pytest.mark.rabbitmq


@asynccontextmanager
async def sending(url: str = "") -> AsyncIterator[tuple[Sender, AbstractQueue]]:
    """Give a sender, and a queue that is gone afterwards."""
    connection = await aio_pika.connect(
        url or broker_url(), connection_class=ConfirmingConnection
    )
    async with connection:
        looking = await connection.channel()
        queue = await looking.declare_queue(exclusive=True)
        channel = await connection.channel(on_return_raises=True)
        underlay = await channel.get_underlay_channel()
        assert isinstance(underlay, Channel)
        yield Sender(underlay, confirms=connection.confirms), queue


def to(queue: AbstractQueue | str, name: str, body: bytes = b"{}") -> OutgoingMessage:
    key = queue if isinstance(queue, str) else queue.name
    properties = spec.Basic.Properties(message_id=name)
    return OutgoingMessage(
        id=name,
        exchange="",
        key=key,
        properties=properties.marshal(),
        body=body,
        mandatory=True,
    )


async def outcome(sender: Sender, parcel: OutgoingMessage) -> Exception | None:
    try:
        await sender.send(parcel)
    except Exception as exc:  # noqa: BLE001 - returned
        return exc
    return None


async def outcomes(
    sender: Sender, parcels: Iterable[OutgoingMessage]
) -> Sequence[Exception | None]:
    """Send all at once."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(outcome(sender, parcel)) for parcel in parcels]
    return [task.result() for task in tasks]


async def taken(queue: AbstractQueue, count: int) -> Sequence[tuple[str | None, bytes]]:
    messages = [await queue.get(no_ack=True) for _ in range(count)]
    assert await queue.get(fail=False) is None
    return [(message.message_id, message.body) for message in messages]


async def test_all_of_a_turn_arrive_in_their_order() -> None:
    async with sending() as (sender, queue):
        names = [str(number) for number in range(100)]

        await outcomes(sender, [to(queue, name) for name in names])

        assert [name for name, _ in await taken(queue, 100)] == names


@pytest.mark.parametrize("size", [0, 1, 1_000_000])
async def test_a_body_of_any_size_arrives_whole(size: int) -> None:
    async with sending() as (sender, queue):
        body = b"x" * size

        await sender.send(to(queue, "7", body))

        assert await taken(queue, 1) == [("7", body)]


async def test_who_gives_up_in_time_has_sent_nothing() -> None:
    async with sending() as (sender, queue):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(sender.send(to(queue, char))) for char in "abc"]
            await asyncio.sleep(0)
            tasks[1].cancel()

        assert [task.cancelled() for task in tasks] == [False, True, False]
        assert [name for name, _ in await taken(queue, 2)] == ["a", "c"]


async def test_one_that_no_queue_takes_fails_alone() -> None:
    async with sending() as (sender, queue):
        mixed = (to(queue, "a"), to("nowhere", "b"), to(queue, "c"))

        answers = await outcomes(sender, mixed)

        assert [type(exception) for exception in answers] == [
            type(None),
            PublishError,
            type(None),
        ]
        assert [name for name, _ in await taken(queue, 2)] == ["a", "c"]


async def test_doubles_go_one_after_the_other() -> None:
    async with sending() as (sender, queue):
        doubles = (to(queue, "a"), to("nowhere", "a"), to(queue, "a"))

        answers = await outcomes(sender, doubles)

        assert [type(exception) for exception in answers] == [
            type(None),
            PublishError,
            type(None),
        ]
        assert len(await taken(queue, 2)) == 2


async def test_everyone_learns_why_the_broker_closed_the_channel() -> None:
    async with sending() as (sender, _):
        parcel = to("somewhere", "a")
        lost = [replace(parcel, id=char, exchange="no such exchange") for char in "abc"]

        answers = await outcomes(sender, lost)

        assert {type(exception) for exception in answers} == {ChannelNotFoundEntity}
        with pytest.raises(ChannelNotFoundEntity, match="no such exchange"):
            await sender.send(parcel)


async def test_nobody_waits_for_a_connection_that_was_given_up() -> None:
    async with sending() as (sender, queue):
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(outcome(sender, to(queue, "a")))
            await asyncio.sleep(0)
            gone = ConnectionError("half open")
            sender.end(gone)

        assert waiting.result() is gone
        assert await outcome(sender, to(queue, "b")) is gone


async def test_what_is_given_up_and_under_way_is_bounded() -> None:
    async with sending() as (sender, queue), asyncio.TaskGroup() as group:
        for number in range(2 * UNCONFIRMED):
            group.create_task(sender.send(to(queue, str(number))))
        await asyncio.sleep(0)  # they ask
        await asyncio.sleep(0)  # they leave

        with pytest.raises(TransientError, match="behind with its confirms"):
            await sender.send(to(queue, "one more"))


async def test_a_broker_that_only_confirms_is_not_taken_for_dead() -> None:
    """It sends no heartbeat while it sends anything; the library waits six seconds."""
    async with sending(f"{broker_url()}?heartbeat=1") as (sender, queue):
        until = asyncio.get_running_loop().time() + 8
        number = 0
        while asyncio.get_running_loop().time() < until:
            number += 1
            await sender.send(to(queue, str(number)))
            await asyncio.sleep(0.02)

        assert await outcome(sender, to(queue, "the last one")) is None
