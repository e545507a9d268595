"""Messages of every version that ever went out are still read; so are strangers'."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from consumers.roles import ASK
from consumers.runner import Runner
from service.adapters.clock import SystemClock, UlidIds
from service.adapters.rabbitmq.cloudevents import from_amqp, to_amqp
from service.adapters.store import open_database
from service.adapters.table_bus import TableBus
from service.contract import schema
from service.domain.hook import Secret
from service.ports.bus import DeadLetter, Role
from service.wire import EVENTS, Data, Event, data_of
from tests.adapters.rabbitmq.reading import properties_in
from tests.support.databases import TEST_KEY

FOLDER = Path(__file__).parent / "recorded" / "events"
RECORDED = {path.stem: path for path in sorted(FOLDER.iterdir())}
"""One a type, written by version 0.1.0. Never edited, only added to."""

PUSH = Event.from_bytes(RECORDED["push.received.v1"].read_bytes())
LATER = Role(name=ASK.name, events=(*ASK.events, "push.received.v2", "quota.full.v1"))
"""As if the exchange's bindings were wider than what this version knows."""


def test_there_is_a_recording_of_every_type() -> None:
    assert {Event.from_bytes(it.read_bytes()).name for it in RECORDED.values()} == set(
        EVENTS
    )


@pytest.mark.parametrize("path", RECORDED.values(), ids=RECORDED)
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
            {"type": "dev.relaunch.push.received.v2", "data": {"refs": ["main"]}},
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

    url = f"sqlite:///{folder}/bus.db"
    async with open_database(url, keys=[Secret(TEST_KEY)]) as database:
        bus = TableBus(database, roles=[LATER], clock=SystemClock())
        runner = Runner(bus=bus, role=LATER, handle=handle, prefetch=1)
        await bus.publish(events)
        async with asyncio.TaskGroup() as group, asyncio.timeout(10):
            running = group.create_task(runner.run())
            await is_done.wait()
            running.cancel()
        return handled, await bus.dead()
