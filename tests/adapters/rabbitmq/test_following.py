"""Whoever watches a RabbitMQ is told where events passed unseen."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from yarl import URL

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.event_tail import UNREAD
from service.adapters.rabbitmq.settings import Broker
from service.events.envelope import Event
from service.ports.bus import StreamPosition
from tests.adapters.rabbitmq.conftest import EVALUATE, WATCH, a_push
from tests.support.proxy import proxy_to

pytestmark = pytest.mark.rabbitmq

ROLES = [EVALUATE, WATCH]
GAP: Final = StreamPosition(has_missed=True)
BUFFERS: Final = 16 * 1024 * 1024
"""Bytes that the system may hold of a connection that nobody reads, at most."""
AT_ONCE: Final = 100
"""Two megabytes, which a busy broker confirms in time too."""


async def test_a_follower_who_is_too_slow_is_told_of_the_gap(broker: Broker) -> None:
    async with RabbitBus.open(broker, roles=ROLES, clock=SystemClock()) as bus:
        following = bus.tail()
        assert isinstance(following, AsyncGenerator)
        async with aclosing(following) as items:
            seen: list[Event | StreamPosition] = [await anext(items)]
            published: list[Event] = []
            # A hundred events come for each that is read, until some had to go.
            while GAP not in seen:
                pushes = [a_push(len(published) + number) for number in range(100)]
                await bus.publish(pushes)
                published += pushes
                seen.append(await anext(items))
            while seen[-1] != published[-1]:
                seen.append(await anext(items))

    assert seen[0] == StreamPosition(has_missed=False)
    assert len(published) > UNREAD
    assert untold(seen[1:], of=published) == []


async def test_what_the_broker_let_go_before_a_bad_network_is_told(
    broker: Broker,
) -> None:
    address = broker.addresses()[0]
    pushes = [a_push(number, ref="x" * 20_000) for number in range(3 * UNREAD)]
    assert len(pushes) * 20_000 > BUFFERS + 2 * UNREAD * 20_000
    async with proxy_to(address.port or 5672) as proxy:
        behind = replace(
            broker,
            url=str(URL(broker.url).with_port(proxy.port)),
            heartbeat=timedelta(minutes=2),
        )
        async with (
            RabbitBus.open(broker, roles=ROLES, clock=SystemClock()) as bus,
            RabbitBus.open(behind, roles=ROLES, clock=SystemClock()) as far,
        ):
            following = far.tail()
            assert isinstance(following, AsyncGenerator)
            async with aclosing(following) as items:
                seen: list[Event | StreamPosition] = [await anext(items)]
                proxy.swallow()
                for start in range(0, len(pushes), AT_ONCE):
                    await bus.publish(pushes[start : start + AT_ONCE])
                # So slow that whoever reads is never behind.
                proxy.latency = timedelta(milliseconds=5)
                proxy.heal()
                while seen[-1] != pushes[-1]:
                    seen.append(await anext(items))

    assert len(seen) < len(pushes), "the broker let some go"
    assert untold(seen[1:], of=pushes) == []


def untold(
    seen: Sequence[Event | StreamPosition], *, of: Sequence[Event]
) -> Sequence[Event]:
    """Return the events before which some are missing, and nobody said so."""
    place = {event.id: number for number, event in enumerate(of)}
    found, expected, is_told = [], 0, False
    for item in seen:
        if isinstance(item, StreamPosition):
            is_told = is_told or item.has_missed
            continue
        if place[item.id] != expected and not is_told:
            found.append(item)
        expected, is_told = place[item.id] + 1, False
    return found


async def test_what_passed_before_cannot_be_had_again(broker: Broker) -> None:
    async with RabbitBus.open(broker, roles=ROLES, clock=SystemClock()) as bus:
        await bus.publish([push := a_push()])
        following = bus.tail(push.id)
        assert isinstance(following, AsyncGenerator)
        async with aclosing(following) as items:
            assert await anext(items) == StreamPosition(has_missed=True)
