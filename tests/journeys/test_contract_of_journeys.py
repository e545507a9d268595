"""Whatever the consumers publish is as the contract for subscribers says."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from jsonschema import Draft202012Validator, FormatChecker

from consumers.subscriptions import ROLES
from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.settings import Broker
from service.events.asyncapi import asyncapi, schema
from service.events.envelope import Event
from service.events.models import EVENTS, BuildWaiting, HookUnhealthy
from tests.consumers import test_road, test_rollout
from tests.consumers.building import test_scheduler, test_transitions, test_watcher
from tests.consumers.evaluation import test_enqueue, test_record, test_worker
from tests.support.broker import broker_url, swept
from tests.support.repos import Repo
from tests.support.world import World, a_world

Journey = Callable[[World, Repo], Coroutine[None, None, None]]

MODULES: Final = (
    test_road,
    test_enqueue,
    test_worker,
    test_record,
    test_scheduler,
    test_transitions,
    test_watcher,
    test_rollout,
)
NEEDS: Final = ["world", "repo"]
"""What a journey is given; other tests of these modules make a world of their own."""
JOURNEYS: dict[str, Journey] = {
    name.removeprefix("test_"): journey
    for module in MODULES
    for name, journey in inspect.getmembers(module, inspect.iscoroutinefunction)
    if name.startswith("test_") and list(inspect.signature(journey).parameters) == NEEDS
}
WHOLE_ROAD = JOURNEYS["a_changed_definition_is_built_and_the_launcher_moves"]
DOCUMENT = json.loads(json.dumps(asyncapi()))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as it:
        yield it


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n", "README.md": "A course\n"})
    return repo


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with swept(Broker(url=broker_url()), *ROLES) as broker:
        yield broker


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
async def test_every_event_of_a_journey_keeps_its_schema(
    world: World, repo: Repo, journey: Journey
) -> None:
    await journey(world, repo)

    assert world.events
    for event in world.events:
        assert_promised(event.name, json.loads(event.to_bytes())["data"])


async def test_the_whole_road_has_events_of_every_type(
    world: World, repo: Repo
) -> None:
    await WHOLE_ROAD(world, repo)

    # Hooks are looked after beside the road: tests/consumers/test_hook_health.py; and
    # nothing keeps its build from starting: `test_scheduler` has one where
    # something is.
    beside = {HookUnhealthy.name, BuildWaiting.name}
    assert {event.name for event in world.events} == set(EVENTS) - beside


@pytest.mark.rabbitmq
async def test_messages_are_as_any_subscriber_may_rely_on(
    world: World, repo: Repo, broker: Broker
) -> None:
    """Read by the plain library, which knows nothing of ours."""
    await WHOLE_ROAD(world, repo)
    connection = await aio_pika.connect(broker.url)
    async with (
        connection,
        connection.channel() as channel,
        RabbitBus.open(broker, roles=ROLES, clock=SystemClock()) as bus,
    ):
        queue = await channel.declare_queue(exclusive=True)
        await bus.ping()
        await queue.bind(f"{broker.prefix}.events", "#")
        await bus.publish(world.events)
        async with asyncio.timeout(10), queue.iterator(no_ack=True) as arriving:
            messages = [await anext(arriving) for _ in world.events]

    published = {event.id: event for event in world.events}
    assert {item.message_id for item in messages} == set(published)
    for message in messages:
        assert_binary(message, published[message.message_id or ""])


def assert_binary(message: AbstractIncomingMessage, event: Event) -> None:
    name = event.name
    headers = DOCUMENT["components"]["messages"][name]["headers"]
    checked(headers).validate(dict(message.headers))
    assert message.routing_key == name
    assert message.headers["cloudEvents_id"] == message.message_id == event.id
    assert message.headers.get("cloudEvents_subject") == event.subject
    assert message.content_type == "application/json"
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert_promised(name, json.loads(message.body))


def assert_promised(name: str, data: dict[str, Any]) -> None:
    promised = json.loads(json.dumps(schema(EVENTS[name])))
    checked(promised).validate(data)
    # A schema lets unknown fields pass, for readers of later versions.
    assert set(data) <= set(promised["properties"])


def checked(promised: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(promised, format_checker=FormatChecker())
