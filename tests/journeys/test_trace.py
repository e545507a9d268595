"""One push is one trace, through every process that has a part in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.broker import broker_url
from tests.support.cluster import Cluster, a_cluster
from tests.support.courses import Course, a_course
from tests.support.otlp import Collector, ReceivedSpan, a_collector
from tests.support.service import Service
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.index,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
]

START: Final = 40.0
ROUNDED: Final = timedelta(milliseconds=1)
CAUSES: Final = {
    "request": None,
    "publish": "request",
    "evaluate": "publish",
    "build": "evaluate",
    "queue": "build",
    "rollout": "evaluate",
}
"""Each span's parent; whatever else there is, is a phase of the build."""


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with a_collector() as collector:
        yield collector


@pytest.fixture
async def cluster(tmp_path: Path, collector: Collector) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path, bus=broker_url()) as cluster:
        cluster.variables |= {
            "RELAUNCH_TRACES": "true",
            "RELAUNCH_LOG_FORMAT": "json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        yield cluster


async def answering(*processes: Service) -> None:
    for process in processes:
        process.launch()
    for process in processes:
        await asyncio.to_thread(process.until, process.answers, "an answer", START)


def lines_of(process: Service) -> list[Mapping[str, Any]]:
    """Return what a process logged."""
    return [json.loads(line) for line in process.said().splitlines() if line[:1] == "{"]


async def test_one_push_is_followed_through_all_processes_by_its_trace(
    cluster: Cluster, collector: Collector, tmp_path: Path
) -> None:
    receiver, consumer = cluster.receiver("one"), cluster.consumer("one")
    await answering(receiver, consumer)
    course = await asyncio.to_thread(a_course, receiver, tmp_path, "course")
    await asyncio.to_thread(
        receiver.until, lambda: has_image(receiver, course), "an image", START
    )
    receipt = await asyncio.to_thread(deliver, receiver, course)

    def spans() -> Mapping[str, ReceivedSpan]:
        return collector.of(trace_of(collector, receipt["delivery"]))

    async def is_whole() -> bool:
        return {"build", "rollout"} <= {span.name for span in spans().values()}

    await eventually(is_whole, "the last spans of the push", START)

    found = spans()
    causes = {span.name: parent_name(span, found) for span in steps(found)}
    assert causes == CAUSES
    assert all(span.began <= span.ended and not span.error for span in found.values())
    senders = {span.name: span.instance for span in steps(found)}
    assert senders["request"] == senders["publish"]
    # A span is sent by whoever publishes the event it is made of: what the consumer
    # writes into the outbox is relayed by it or by the receiver.
    assert len(set(senders.values())) <= len((receiver, consumer))
    assert {span.service for span in found.values()} == {"relaunch"}
    expect_phases(found)
    expect_lines(receiver, consumer, receipt["delivery"], found)


def has_image(receiver: Service, course: Course) -> bool:
    found = receiver.api("GET", f"/session_launchers/{course.launcher['id']}")
    return int(found["generation"]) > 0


def deliver(receiver: Service, course: Course) -> dict[str, Any]:
    commit = course.push(2)
    return receiver.deliver(course.hook, "refs/heads/main", commit)


def trace_of(collector: Collector, delivery: str) -> str:
    """Return the trace that a delivery is in; empty before its first span came."""
    named = [
        span.trace_id
        for span in collector.spans
        if span.attributes.get("relaunch.delivery") == delivery
    ]
    return named[0] if named else ""


def parent_name(span: ReceivedSpan, found: Mapping[str, ReceivedSpan]) -> str | None:
    return found[span.parent_id].name if span.parent_id else None


def steps(found: Mapping[str, ReceivedSpan]) -> list[ReceivedSpan]:
    """Return all spans but the phases of builds."""
    return [span for span in found.values() if span not in phases(found)]


def phases(found: Mapping[str, ReceivedSpan]) -> list[ReceivedSpan]:
    below = [
        span
        for span in found.values()
        if span.parent_id and found[span.parent_id].name == "build"
    ]
    return [span for span in below if span.name != "queue"]


def expect_phases(found: Mapping[str, ReceivedSpan]) -> None:
    """Expect the phases of the build within it, one after the other."""
    times = sorted(phases(found), key=lambda span: span.began)
    assert times[0].name == "clone"
    (build,) = (span for span in steps(found) if span.name == "build")
    assert build.began <= times[0].began
    assert times[-1].ended <= build.ended
    for before, after in pairwise(times):
        assert before.ended - after.began <= ROUNDED


def expect_lines(
    receiver: Service,
    consumer: Service,
    delivery: str,
    found: Mapping[str, ReceivedSpan],
) -> None:
    """Expect lines that say what they are about, wherever that is known."""
    accepted = [
        line for line in lines_of(receiver) if line["event"] == "delivery accepted"
    ]
    assert [line["delivery"] for line in accepted] == [delivery]
    (build,) = (span for span in steps(found) if span.name == "build")
    mine = {
        line["event"]: line
        for line in lines_of(consumer)
        if line.get("trace") == build.trace_id
    }
    assert mine["source evaluated"]["delivery"] == delivery
    assert mine["source evaluated"]["source"]
    ids = {mine[event]["build"] for event in ("build started", "build succeeded")}
    assert ids == {build.attributes["relaunch.build"]}
    assert mine["launchers moved"]["build"] in ids
