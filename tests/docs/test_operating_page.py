"""Who follows `docs/operating.md` has processes that work: its blocks are run."""

import asyncio
import json
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from consumers.subscriptions import ROLES
from service.adapters.rabbitmq.settings import Broker
from tests.docs.operators import Operator
from tests.docs.reading import Page
from tests.docs.shell import run, settings_in
from tests.docs.test_upgrade_page import database_of_its_own
from tests.support.broker import broker_url, swept
from tests.support.courses import a_bare_course
from tests.support.otlp import a_collector
from tests.support.service import Service
from tests.support.stream import eventually

PAGE: Final = Page("docs/operating.md")
SOON: Final = 30.0
SHORT: Final = {
    "RELAUNCH_EVALUATION_DEBOUNCE": "100ms",
    "RELAUNCH_REMOTE_ALLOW_FILES": "true",
}


@pytest.mark.postgresql
@pytest.mark.rabbitmq
@pytest.mark.timeout(300, func_only=True)
async def test_processes_with_the_settings_of_the_page_are_one_service(
    tmp_path: Path,
) -> None:
    (make_key,) = re.findall(r"`(python -c 'import base64[^`]+)`", PAGE.text)
    (tmp_path / "key").write_text(await run(make_key, tmp_path))
    (tmp_path / "token").write_text(secrets.token_urlsafe())
    settings = settings_in(PAGE.block("RELAUNCH_DATABASE=")) | SHORT
    settings["RELAUNCH_TOKEN_FILE"] = str(tmp_path / "token")
    settings["RELAUNCH_SECRET_KEY_FILE"] = str(tmp_path / "key")
    async with (
        database_of_its_own() as database,
        swept(Broker(url=broker_url()), *ROLES) as names,
    ):
        settings |= {"RELAUNCH_DATABASE": database, "RELAUNCH_BUS": names.url}
        settings["RELAUNCH_AMQP_PREFIX"] = names.prefix
        await run("relaunch migrate", tmp_path, **settings)
        async with processes(tmp_path, settings) as (receiver, consumer):
            operator = Operator(folder=tmp_path, names={}, settings=settings)
            ours = f"relaunch --url {receiver.url}"
            operator.names = {"relaunch ": f"{ours} "}

            once, watched = PAGE.block("relaunch status").splitlines()
            said = await until_all_is_right(operator, once)
            assert "https://relaunch.example.org" in receiver.said()
            assert consumer.role == "consume"
            # It goes on until somebody ends it: here, after its second look.
            program = watched.partition("#")[0]
            look = "grep --max-count 2 'all is right'"
            again = await operator.run(f"{{ {program} || true; }} | {look}")
        assert "all is right" in said
        assert again.count("all is right") == 2


async def until_all_is_right(operator: Operator, command: str) -> str:
    said: list[str] = []

    async def is_right() -> bool:
        said.append(await operator.run(f"{command.partition('#')[0]} || true"))
        return "all is right" in said[-1]

    await eventually(is_right, "a consumer that leads", SOON)
    return said[-1]


@asynccontextmanager
async def processes(
    folder: Path, settings: dict[str, str]
) -> AsyncIterator[tuple[Service, Service]]:
    receiver = Service(folder / "receiver", role="receive", **settings)
    consumer = Service(folder / "consumer", role="consume", **settings)
    try:
        for process in (receiver, consumer):
            await asyncio.to_thread(process.start)
        yield receiver, consumer
    finally:
        receiver.kill()
        consumer.kill()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data", **SHORT)
    service.start()
    yield service
    service.kill()


@pytest.fixture
def operator(service: Service, tmp_path: Path) -> Operator:
    settings = {"RELAUNCH_DATA": str(service.data)}
    return Operator(folder=tmp_path, names={}, settings=settings)


def spoil(service: Service) -> None:
    """Put a message into the queue of the embedded bus that nobody can read."""
    with sqlite3.connect(service.data / "relaunch.sqlite", timeout=10) as connection:
        placed = connection.execute(
            "INSERT INTO bus_events (id, name, body, published_at)"
            " VALUES ('spoiled', 'push.received.v2', 'no event at all', 0)"
        ).lastrowid
        connection.execute(
            "INSERT INTO bus_queue (role, event, attempts, available_at, error)"
            " VALUES ('evaluation', ?, 0, 0, '')",
            [placed],
        )
    connection.close()


async def dead(operator: Operator) -> str:
    """Return the id of the letter that died."""
    found: list[str] = []

    async def is_there() -> bool:
        said = await operator.run("relaunch dead-letters list -o json")
        found[:] = [letter["id"] for letter in json.loads(said)]
        return bool(found)

    await eventually(is_there, "a dead letter", SOON)
    return found[0]


@pytest.mark.timeout(90, func_only=True)
async def test_a_dead_letter_is_listed_shown_requeued_and_dropped(
    service: Service, operator: Operator
) -> None:
    spoil(service)
    lines = PAGE.block("relaunch dead-letters list").splitlines()

    listed, shown, requeued, dropped = [
        await operator.run(line.replace(" ID", f" {await dead(operator)}"), typed="y\n")
        for line in lines
    ]

    assert "evaluation" in listed
    assert "no event at all" in shown
    assert "was requeued" in requeued
    assert "was dropped" in dropped


async def test_what_is_stored_is_listed(operator: Operator) -> None:
    said = await operator.run(PAGE.block("relaunch usage"))

    assert "images" in said


@pytest.mark.timeout(90, func_only=True)
async def test_the_spans_of_a_push_reach_the_collector(tmp_path: Path) -> None:
    install, _, settings = PAGE.block("pip install").partition("\n")
    # It is here already, with all that it needs: nothing is fetched.
    install = install.partition("#")[0].replace("pip install", "pip install --no-index")
    assert "already satisfied: relaunch" in await run(f"python -m {install}", tmp_path)
    async with a_collector() as collector:
        given = {
            name: text.replace("http://collector:4318", collector.url)
            for name, text in settings_in(settings).items()
        }
        assert collector.url in given.values()
        traced = Service(tmp_path / "data", **SHORT, **given)
        try:
            await asyncio.to_thread(traced.start)
            course = await asyncio.to_thread(a_bare_course, traced, tmp_path)
            tip = course.repo.tip()
            send = ("refs/heads/main", tip)
            await asyncio.to_thread(traced.deliver, course.hook, *send)

            async def are_there() -> bool:
                names = {span.name for span in collector.spans}
                return {"request", "publish", "evaluate"} <= names

            await eventually(are_there, "the spans of a push", SOON)
        finally:
            await asyncio.to_thread(traced.kill)
