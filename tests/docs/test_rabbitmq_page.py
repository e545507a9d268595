"""Who follows `docs/rabbitmq.md` moves to another broker, and loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.docs.reading import Page
from tests.docs.shell import run
from tests.docs.test_disasters_page import (
    all_evaluated,
    broker,
    deliver,
    started,
)
from tests.docs.test_upgrade_page import database_of_its_own
from tests.support.broker import OwnBroker
from tests.support.cluster import SHARED
from tests.support.courses import a_bare_course
from tests.support.service import Service
from tests.support.stream import eventually

__all__ = ["broker"]

PAGE: Final = Page("docs/rabbitmq.md")


SETTLED: Final = 60.0

pytestmark = [
    pytest.mark.outage,
    pytest.mark.rabbitmq,
    pytest.mark.postgresql,
    pytest.mark.xdist_group("outages"),
    pytest.mark.timeout(240, func_only=True),
]


@pytest.fixture
async def processes(
    broker: OwnBroker, tmp_path: Path
) -> AsyncIterator[tuple[Service, Service]]:
    """A receiver and a consumer on the broker that goes, by the page's name for it."""
    permissions = "rabbitmqctl set_permissions -p relaunch guest '.*' '.*' '.*'"
    made = f"rabbitmqctl add_vhost relaunch; {permissions}"
    await run(made, tmp_path, **broker.tools)
    old = broker.url.replace("/own", "/relaunch")
    async with database_of_its_own() as database:
        given = {**SHARED, "RELAUNCH_DATABASE": database, "RELAUNCH_BUS": old}
        receiver = Service(tmp_path / "receiver", role="receive", **given)
        consumer = Service(tmp_path / "data", role="consume", **given)
        try:
            await run("relaunch migrate", tmp_path, **given)
            await started(receiver, consumer)
            yield receiver, consumer
        finally:
            receiver.kill()
            consumer.kill()


async def test_processes_move_to_another_broker_one_after_the_other(
    broker: OwnBroker, tmp_path: Path, processes: tuple[Service, Service]
) -> None:
    """The other broker is another virtual host; the page's commands go to both."""
    receiver, consumer = processes
    before = PAGE.block("rabbitmqctl list_queues -p relaunch name type")
    emptied = PAGE.block("rabbitmqctl list_queues -p relaunch name messages")
    course = await asyncio.to_thread(a_bare_course, receiver, tmp_path)
    deliveries = await deliver(receiver, course)
    listed = await run(before, tmp_path, **broker.tools)
    imported = PAGE.block("rabbitmqctl import_definitions")
    await run(imported, tmp_path, **broker.tools)

    receiver.set("RELAUNCH_BUS", broker.url)
    await asyncio.to_thread(receiver.stop)
    await started(receiver)
    deliveries += await deliver(receiver, course)

    async def is_empty() -> bool:
        said = await run(emptied, tmp_path, **broker.tools)
        return {number for _, number in queues(said)} == {"0"}

    await eventually(is_empty, "the old broker to be empty", SETTLED)
    assert await asyncio.to_thread(consumer.stop) == 0
    consumer.set("RELAUNCH_BUS", broker.url)
    await started(consumer)

    await all_evaluated(receiver, deliveries)
    assert {kind for _, kind, _ in queues(listed)} == {"quorum"}


def queues(said: str) -> list[list[str]]:
    """Return what a listing says of our queues."""
    return [line.split("\t") for line in said.splitlines() if line[:9] == "relaunch."]
