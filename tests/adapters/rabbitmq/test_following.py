"""Whoever watches a RabbitMQ is told where events passed unseen."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.broker import Broker
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.follower import UNREAD
from service.ports.bus import Place
from service.wire import Event
from tests.adapters.rabbitmq.conftest import EVALUATE, WATCH, a_push

pytestmark = pytest.mark.rabbitmq

ROLES = [EVALUATE, WATCH]


async def test_a_follower_who_is_too_slow_is_told_of_the_gap(broker: Broker) -> None:
    pushes = [a_push(number) for number in range(UNREAD + 50)]
    async with RabbitBus.open(broker, roles=ROLES, clock=SystemClock()) as bus:
        following = bus.follow()
        assert isinstance(following, AsyncGenerator)
        async with aclosing(following) as items:
            beginning = await anext(items)
            await bus.publish(pushes)
            seen: list[Event | Place] = [await anext(items)]
            while seen[-1] != pushes[-1]:
                seen.append(await anext(items))

    assert beginning == Place(has_missed=False)
    assert Place(has_missed=True) in seen
    assert len(seen) < len(pushes)


async def test_what_passed_before_cannot_be_had_again(broker: Broker) -> None:
    async with RabbitBus.open(broker, roles=ROLES, clock=SystemClock()) as bus:
        await bus.publish([push := a_push()])
        following = bus.follow(push.id)
        assert isinstance(following, AsyncGenerator)
        async with aclosing(following) as items:
            assert await anext(items) == Place(has_missed=True)
