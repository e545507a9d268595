"""Streams of server-sent events: a build's log, and everything that happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.subscriptions import ROLES
from service.adapters.clock import UlidIds
from service.adapters.rabbitmq.settings import Broker
from service.adapters.rabbitmq.topology import Topology
from service.events.asyncapi import asyncapi
from service.events.envelope import Event
from service.settings import AmqpSettings
from tests.support.api import Api, Told, a_table_bus, serving
from tests.support.clock import NOW
from tests.support.memory import MemoryBus
from tests.support.repos import Repo
from tests.support.world import World


async def test_a_log_is_followed_live_until_its_build_ends(
    live: Api, repo: Repo
) -> None:
    await live.add_launcher(repo.url)
    await live.world.settle()
    (build,) = await live.get("/builds")
    await live.log(build["id"], "one", phase="clone")

    async with live.stream(f"/builds/{build['id']}/logs/stream") as told:
        first = await anext(told)
        await live.log(build["id"], "two", "three")
        second, third = await anext(told), await anext(told)
        live.world.builder.succeed()
        await live.world.settle()
        rest = [answer async for answer in told]

    assert (first.name, first.id) == ("line", "1")
    assert json.loads(first.data) == {"phase": "clone", "text": "one"}
    assert (second.id, json.loads(second.data)["text"]) == ("2", "two")
    assert (third.id, json.loads(third.data)["text"]) == ("3", "three")
    assert [answer.name for answer in rest] == ["end"]
    assert json.loads(rest[0].data) == {"status": "succeeded", "state": "succeeded"}


async def test_a_cut_stream_is_taken_up_without_gaps_or_doubles(
    live: Api, repo: Repo
) -> None:
    """Cut after every few lines, at another place each time."""
    await live.add_launcher(repo.url)
    await live.world.settle()
    (build,) = await live.get("/builds")
    lines = [f"line {n}" for n in range(1, 2501)]
    await live.log(build["id"], *lines)
    live.world.builder.succeed()
    await live.world.settle()
    seen: list[Told] = []
    path = f"/builds/{build['id']}/logs/stream"
    for length in (1, 7, 999, 1000, 2):
        async with live.stream(path, after=seen[-1].id if seen else "") as told:
            seen += [await anext(told) for _ in range(length)]
    async with live.stream(path, after=seen[-1].id) as told:
        seen += [answer async for answer in told]

    assert seen.pop().name == "end"
    assert [json.loads(answer.data)["text"] for answer in seen] == lines
    assert [answer.id for answer in seen] == [str(n) for n in range(1, 2501)]


async def test_a_line_of_any_text_stays_one_event(live: Api, repo: Repo) -> None:
    await live.add_launcher(repo.url)
    await live.world.settle()
    (build,) = await live.get("/builds")
    nasty = "a\rb\nevent: end\u2028 \x1b[31m é"
    await live.log(build["id"], nasty)
    live.world.builder.succeed()
    await live.world.settle()

    async with live.stream(f"/builds/{build['id']}/logs/stream") as told:
        line, end = [answer async for answer in told]

    assert (line.name, end.name) == ("line", "end")
    assert json.loads(line.data)["text"].startswith("a")


async def test_a_build_without_a_log_ends_its_stream(live: Api, repo: Repo) -> None:
    await live.add_launcher(repo.url)
    (build,) = await live.get("/builds")
    await live.call("PATCH", f"/builds/{build['id']}", {"status": "cancelled"})

    async with live.stream(f"/builds/{build['id']}/logs/stream") as told:
        (end,) = [answer async for answer in told]

    assert json.loads(end.data)["status"] == "cancelled"


async def test_an_unknown_build_has_no_stream(api: Api) -> None:
    answer = await api.call("GET", "/builds/01ARZ3NDEKTSV4RRFFQ69G5FAV/logs/stream")

    assert (answer.status, answer.json["error"]["code"]) == (404, 1404)


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "٣", "9" * 30])
async def test_a_place_that_no_log_has_is_refused(
    api: Api, repo: Repo, last: str
) -> None:
    await api.add_launcher(repo.url)
    (build,) = await api.get("/builds")

    answer = await api.call(
        "GET", f"/builds/{build['id']}/logs/stream", headers={"Last-Event-ID": last}
    )

    assert answer.status == 422


async def test_a_quiet_stream_gives_signs_of_life(api: Api, repo: Repo) -> None:
    """By the turned clock: fifteen seconds pass in no time."""
    await api.add_launcher(repo.url)
    (build,) = await api.get("/builds")

    path = f"/builds/{build['id']}/logs/stream"
    async with api.stream(path) as told, asyncio.TaskGroup() as group:
        assert (await _next(told)).name == "waiting"
        sign = group.create_task(_next(told))
        turns = 0
        while not sign.done():
            api.world.clock.advance(timedelta(seconds=1))
            turns += 1
            await asyncio.sleep(0.01)

    assert sign.result() == Told()
    assert turns >= 15


async def test_a_listener_who_leaves_is_let_go(
    world: World, tmp_path: Path, repo: Repo
) -> None:
    """The server stops at once although nobody ended the stream."""
    async with a_table_bus(tmp_path) as bus:
        async with serving(world, bus) as api:
            await api.add_launcher(repo.url)
            (build,) = await api.get("/builds")
            async with api.stream(f"/builds/{build['id']}/logs/stream"):
                pass
            async with api.stream("/events/stream"):
                pass
            began = asyncio.get_running_loop().time()
            stopping = asyncio.get_running_loop().call_later(
                0.05, world.clock.advance, timedelta(seconds=1)
            )
        stopping.cancel()

        assert asyncio.get_running_loop().time() - began < 4


async def test_everything_that_happens_is_told_as_cloudevents(live: Api) -> None:
    event = an_event(text="two\nlines")

    async with live.stream("/events/stream") as told:
        await anext(told)
        await live.bus.publish([event])
        seen = await anext(told)

    assert (seen.name, seen.id) == ("build.started.v2", event.id)
    assert Event.from_bytes(seen.data) == event


async def test_a_listener_who_comes_back_gets_what_it_missed(live: Api) -> None:
    events = [an_event(number=number) for number in range(3)]
    await live.bus.publish(events)

    async with live.stream("/events/stream", after=events[0].id) as told:
        seen = [await anext(told) for _ in range(3)]

    assert [answer.id for answer in seen] == [event.id for event in events]
    assert [answer.name for answer in seen] == ["", events[1].name, events[2].name]


async def test_a_listener_can_come_back_before_its_first_event(live: Api) -> None:
    await live.bus.publish([an_event()])
    async with live.stream("/events/stream") as told:
        place = (await anext(told)).id
    await live.bus.publish([event := an_event()])

    async with live.stream("/events/stream", after=place) as told:
        seen = [await anext(told) for _ in range(2)]

    assert [answer.id for answer in seen] == [place, event.id]


@pytest.mark.parametrize("after", ["-", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
async def test_where_events_may_be_missing_the_listener_is_told(
    live: Api, after: str
) -> None:
    async with live.stream("/events/stream", after=after) as told:
        gap = await anext(told)

    assert gap.name == "gap"
    assert "may be missing" in json.loads(gap.data)["message"]


async def test_a_place_that_no_event_can_have_is_refused(live: Api) -> None:
    answer = await live.call(
        "GET", "/events/stream", headers={"Last-Event-ID": "x" * 201}
    )

    assert answer.status == 422


async def test_the_contract_of_the_events_is_open_to_everybody(api: Api) -> None:
    answer = await api.bare("GET", "/api/events")

    assert answer.status == 200
    assert answer.json == json.loads(json.dumps(asyncapi()))


async def test_the_contract_names_the_exchange_that_the_operator_chose(
    world: World,
) -> None:
    chosen = AmqpSettings(prefix="course")
    async with serving(world, MemoryBus(), exchange=chosen.exchange) as api:
        answer = await api.bare("GET", "/api/events")

    exchanges = {
        channel["bindings"]["amqp"]["exchange"]["name"]
        for channel in answer.json["channels"].values()
    }
    broker = Broker(url="amqp://localhost", prefix=chosen.prefix)
    assert exchanges == {Topology.of(broker, ROLES).events}


def an_event(**data: object) -> Event:
    return Event(
        id=UlidIds().new(), type="dev.relaunch.build.started.v2", time=NOW, data=data
    )


async def _next(told: AsyncIterator[Told]) -> Told:
    return await anext(told)
