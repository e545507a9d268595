"""The page for subscribers says what works."""

import asyncio
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import pytest

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.broker import Broker
from service.adapters.rabbitmq.bus import RabbitBus
from service.wire import EVENTS, BuildFinished, Event
from tests.adapters.rabbitmq.conftest import WATCH
from tests.support.broker import OwnBroker

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(30, func_only=True)]

PAGE = Path(__file__).parents[3] / "docs" / "subscribe.md"


async def test_the_subscriber_of_the_page_hears_of_a_build(
    own: OwnBroker, tmp_path: Path
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "subscriber.py").write_text(code)
    finished = BuildFinished(
        build_key="k", outcome="succeeded", image="r/i@sha256:1", rebuild_ids=("1",)
    )
    event = Event.of(finished, id="1", time=datetime(2026, 3, 1, tzinfo=UTC))

    async with RabbitBus.open(
        Broker(url=own.url), roles=[WATCH], clock=SystemClock()
    ) as bus:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(tmp_path / "subscriber.py"),
            own.url,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            await listening(own.url, "my-service")
            await bus.publish([event])
            assert process.stdout is not None
            line = await process.stdout.readline()
        finally:
            process.terminate()
            await process.wait()

    assert line == b"succeeded r/i@sha256:1\n"


def test_the_page_names_every_event() -> None:
    named = re.findall(r"^\| `(.*?)` \|", PAGE.read_text(), re.MULTILINE)

    assert named == list(EVENTS)


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
