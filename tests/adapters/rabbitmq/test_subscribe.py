"""The page for subscribers says what works."""

import asyncio
import json
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from pydantic_core import to_json

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.settings import Broker
from service.events.envelope import Event
from service.events.models import EVENTS, BuildFinished, LauncherUpdated
from tests.adapters.rabbitmq.conftest import WATCH
from tests.docs.reading import Page
from tests.support.broker import OwnBroker

PAGE = Page("docs/subscribe.md")
SLOW = pytest.mark.timeout(150, func_only=True)
"""A broker or a package comes first."""

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.rabbitmq
@SLOW
async def test_the_subscriber_of_the_page_hears_of_a_build(
    own: OwnBroker, tmp_path: Path
) -> None:
    (tmp_path / "subscriber.py").write_text(PAGE.code("python"))
    finished = BuildFinished(
        build_key="k", outcome="succeeded", image="r/i@sha256:1", rebuild_id="1"
    )

    line = await heard(
        own.url,
        [sys.executable, str(tmp_path / "subscriber.py")],
        Event.of(finished, id="1", time=AT),
        queue="my-service",
    )

    assert line == "succeeded r/i@sha256:1\n"


@pytest.mark.npm
@SLOW
async def test_the_subscriber_in_javascript_hears_of_a_launcher(
    own: OwnBroker, tmp_path: Path
) -> None:
    await install("amqplib", tmp_path)
    (tmp_path / "subscriber.mjs").write_text(PAGE.code("javascript"))
    updated = LauncherUpdated(
        launcher_id="l",
        environment_id="e",
        project_id="p",
        action="moved",
        image="r/i@sha256:1",
        generation=1,
    )

    line = await heard(
        own.url,
        ["node", str(tmp_path / "subscriber.mjs")],
        Event.of(updated, id="01J", time=AT),
        queue="my-portal",
    )

    assert line == "01J moved r/i@sha256:1\n"


@pytest.mark.rabbitmq
@SLOW
async def test_the_cloudevents_sdk_reads_events_as_the_page_says(
    own: OwnBroker,
) -> None:
    space: dict[str, Any] = {}
    exec(PAGE.code("py"), space)  # noqa: S102 - what the page shows
    finished = BuildFinished(
        build_key="k", outcome="succeeded", image="r/i@sha256:1", rebuild_id="1"
    )
    sent = Event.of(finished, id="1", time=AT)
    connection = await aio_pika.connect(own.url)
    async with (
        RabbitBus.open(Broker(url=own.url), roles=[WATCH], clock=SystemClock()) as bus,
        connection,
    ):
        await bus.ping()
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind("relaunch.events", "#")
        await bus.publish([sent])
        async with asyncio.timeout(20), queue.iterator(no_ack=True) as messages:
            read = space["event_of"](await anext(messages))

    assert read.get_id() == "1"
    assert read.get_type() == "dev.relaunch.build.finished.v2"
    assert read.get_source() == sent.source
    assert read.get_time() == AT
    assert read.get_data() == json.loads(to_json(sent.data))


def test_the_subscribers_of_the_page_have_twenty_lines() -> None:
    for program in (PAGE.code("python"), PAGE.code("javascript")):
        assert len(program.strip().splitlines()) <= 24


def test_the_page_names_every_event() -> None:
    named = re.findall(r"^\| `(.*?)` \|", PAGE.text, re.MULTILINE)

    assert named == list(EVENTS)


async def heard(url: str, command: list[str], event: Event, *, queue: str) -> str:
    """Start a subscriber, publish an event, and return the line it prints."""
    async with RabbitBus.open(
        Broker(url=url), roles=[WATCH], clock=SystemClock()
    ) as bus:
        # The exchange has to be there before a subscriber binds to it.
        await bus.ping()
        process = await asyncio.create_subprocess_exec(
            *command, url, stdout=asyncio.subprocess.PIPE
        )
        try:
            await listening(url, queue)
            await bus.publish([event])
            assert process.stdout is not None
            return (await process.stdout.readline()).decode()
        finally:
            process.terminate()
            await process.wait()


async def install(package: str, folder: Path) -> None:
    """Install a package into a folder; skip the test where that cannot be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no Node.js with npm on this machine")
    (folder / "package.json").write_text("{}")
    flags = ("--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1")
    process = await asyncio.create_subprocess_exec(
        *("npm", "install", *flags, package),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate()
    if process.returncode != 0:
        pytest.skip(f"npm cannot install {package}: {complaint.decode()[-200:]}")


async def listening(url: str, name: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        consumers: int | None = 0
        while not consumers:
            await asyncio.sleep(0.1)
            async with connection.channel() as channel:
                try:
                    queue = await channel.get_queue(name)
                except aio_pika.exceptions.ChannelNotFoundEntity:
                    continue
                consumers = queue.declaration_result.consumer_count
