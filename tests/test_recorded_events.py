"""Messages of every version that ever went out are still read; so are strangers'."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from consumers.runner import Runner
from consumers.subscriptions import EVALUATION, ROLES
from service.adapters.clock import SystemClock, UlidIds
from service.adapters.embedded_bus.bus import TableBus
from service.adapters.rabbitmq.messages.cloudevents import from_amqp, to_amqp
from service.events.asyncapi import schema
from service.events.envelope import Event, data_of
from service.events.models import EVENTS, Data, EvaluationRequested, PushReceived
from service.events.previous import PREVIOUS_NAMES
from service.ports.bus import DeadLetter, Role
from tests.adapters.rabbitmq.reading import properties_in
from tests.support.databases import sqlite_database

FOLDER = Path(__file__).parent / "recorded" / "events"
RECORDED = {path.stem: path for path in sorted(FOLDER.iterdir())}
"""One a type and version. Never edited, only added to."""
PRESENT = {
    name: path
    for name, path in RECORDED.items()
    if Event.from_bytes(path.read_bytes()).name in EVENTS
}
NAMED_NO_MORE = {
    ("build.started.v1", "rebuild_ids"),
    ("build.waiting.v1", "rebuild_ids"),
}
"""Fields that no consumer of ours ever read: a course of ten thousand has too many."""
PREVIOUS = {name: path for name, path in RECORDED.items() if name not in PRESENT}

PUSH = Event.from_bytes(RECORDED["push.received.v2"].read_bytes())
NEWER = ("push.received.v3", "quota.full.v1")
LATER = Role(name=EVALUATION.name, events=(*EVALUATION.events, *NEWER))
"""As if the exchange's bindings were wider than what this version knows."""


def test_there_is_a_recording_of_every_type() -> None:
    assert {Event.from_bytes(item.read_bytes()).name for item in RECORDED.values()} == {
        *EVENTS,
        *(name for names in PREVIOUS_NAMES.values() for name in names),
    }


@pytest.mark.parametrize("path", PREVIOUS.values(), ids=PREVIOUS)
def test_an_earlier_version_is_read_as_the_present_one_and_loses_nothing(
    path: Path,
) -> None:
    event = Event.from_bytes(path.read_bytes())

    data = data_of(event)

    assert data is not None
    assert event.name in PREVIOUS_NAMES[data.name]
    again = Event.of(data, id=event.id, time=event.time, subject=event.subject)
    known = [
        repr(value)
        for field, value in event.data.items()
        if (event.name, field) not in NAMED_NO_MORE
    ]
    lost = {value for value in known if value != "''"} - {
        *map(repr, again.data.values()),
        *("[]", "False"),  # what the present version does not need to say
    }
    assert lost == set()


@pytest.mark.parametrize(
    ("sample", "trigger"),
    [("push.received.v1", "push"), ("push.received.v1.manual", "manual")],
)
def test_what_no_push_caused_is_no_longer_a_push(sample: str, trigger: str) -> None:
    data = data_of(Event.from_bytes(RECORDED[sample].read_bytes()))

    assert isinstance(data, PushReceived if trigger == "push" else EvaluationRequested)
    assert data.trigger == trigger


def test_every_earlier_version_is_still_consumed() -> None:
    consumed = {name for role in ROLES for name in role.events}

    for present, earlier in PREVIOUS_NAMES.items():
        assert present not in consumed or consumed >= {*earlier}


@pytest.mark.parametrize("path", PRESENT.values(), ids=PRESENT)
def test_a_recorded_event_keeps_its_schema_and_loses_nothing(path: Path) -> None:
    event = Event.from_bytes(path.read_bytes())

    data = data_of(event)

    assert data is not None
    Draft202012Validator(schema(type(data))).validate(event.data)
    again = Event.of(data, id=event.id, time=event.time, subject=event.subject)
    assert again.data.items() >= event.data.items()


@pytest.mark.parametrize("path", RECORDED.values(), ids=RECORDED)
def test_a_recorded_event_is_the_same_in_both_forms(path: Path) -> None:
    event = Event.from_bytes(path.read_bytes())
    written, body = to_amqp(event)
    properties = properties_in(written)

    binary = from_amqp(
        properties.headers or {}, content_type=properties.content_type, body=body
    )
    structured = from_amqp(
        {}, content_type="application/cloudevents+json", body=path.read_bytes()
    )

    assert Event.from_bytes(binary) == Event.from_bytes(structured) == event


@pytest.mark.parametrize(
    ("stranger", "is_handled"),
    [
        pytest.param({"type": "dev.relaunch.quota.full.v1"}, False, id="unknown type"),
        pytest.param(
            {"type": "dev.relaunch.push.received.v3", "data": {"refs": ["main"]}},
            False,
            id="newer version",
        ),
        pytest.param({"data": PUSH.data | {"mood": "good"}}, True, id="extra field"),
        pytest.param(
            {
                "tracestate": "a=1",
                "partitionkey": "course",
                "dataschema": "https://x/y",
            },
            True,
            id="extension attributes",
        ),
        pytest.param({"source": "/another-service"}, True, id="another source"),
    ],
)
async def test_what_a_later_version_may_say_is_no_reason_to_bury(
    tmp_path: Path, stranger: dict[str, object], *, is_handled: bool
) -> None:
    envelope = json.loads(PUSH.to_bytes()) | stranger | {"id": UlidIds().new()}
    event = Event.from_bytes(json.dumps(envelope))

    handled, dead = await run(tmp_path, [event, PUSH])

    assert dead == []
    assert handled == ([event.id, PUSH.id] if is_handled else [PUSH.id])


async def run(
    folder: Path, events: Sequence[Event]
) -> tuple[list[str], Sequence[DeadLetter]]:
    """Have a runner handle events; return what was handled and what was buried."""
    handled = list[str]()
    is_done = asyncio.Event()

    async def handle(event: Event, data: Data) -> None:
        del data
        handled.append(event.id)
        if event.id == events[-1].id:
            is_done.set()

    async with sqlite_database(folder / "bus.db") as database:
        bus = TableBus(database, roles=[LATER], clock=SystemClock())
        runner = Runner(bus=bus, role=LATER, handle=handle, prefetch=1)
        await bus.publish(events)
        async with asyncio.TaskGroup() as group, asyncio.timeout(10):
            running = group.create_task(runner.run())
            await is_done.wait()
            running.cancel()
        return handled, await bus.dead_letters()
