"""Durable before 202: cases 59 to 61 of what forges really send."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.store import SqlStore, open_database
from service.domain.hook import Hook, Secret
from tests.support.databases import TEST_KEY
from tests.support.deliveries import (
    NEW,
    WAYS,
    a_hook,
    a_push,
)
from tests.support.front_door import FrontDoor, front_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        await opened.track("main")
        yield opened


@pytest.fixture(params=WAYS, ids=str)
async def hook(request: pytest.FixtureRequest, door: FrontDoor) -> Hook:
    return await door.add_hook(a_hook(request.param))


async def test_case_59_a_silent_bus_does_not_keep_the_forge_waiting(
    tmp_path: Path,
) -> None:
    async with front_door(tmp_path, budget=timedelta(seconds=0.3)) as door:
        hook = await door.add_hook(a_hook())
        await door.track("main")
        door.bus.is_silent = True

        began = time.monotonic()
        answer = await door.post(hook, a_push(hook))

        assert time.monotonic() - began < 5
        assert (answer.status, answer.json["status"]) == (202, "accepted")
        assert [event.data["after"] for event in await door.spooled()] == [NEW]


async def test_case_60_what_was_answered_202_survives_a_crash(tmp_path: Path) -> None:
    async with front_door(tmp_path) as door:
        hook = await door.add_hook(a_hook())
        await door.track("main")
        door.bus.is_broken = True

        answer = await door.post(hook, a_push(hook))

        assert answer.json["status"] == "accepted"

    keys = [Secret(TEST_KEY)]
    url = f"sqlite:///{tmp_path}/relaunch.db"
    async with (
        open_database(url, keys=keys) as again,
        SqlStore(again).reading() as tx,
    ):
        events = [event for _, event in await tx.outbox.peek(limit=10)]
    assert [event.data["delivery_id"] for event in events] == [answer.json["delivery"]]


async def test_case_61_neither_bus_nor_database_is_503_and_comes_again(
    door: FrontDoor, hook: Hook
) -> None:
    door.bus.is_broken = door.store.is_write_broken = True

    answer = await door.post(hook, a_push(hook))

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["error"]["code"] == 1503
    deferred = {"forge": hook.forge.value, "outcome": "deferred"}
    name = "relaunch_deliveries_total"
    assert door.count(name, **deferred, reason="unavailable") == 1


async def test_case_61_a_database_that_does_not_know_the_hook_is_503(
    door: FrontDoor, hook: Hook
) -> None:
    door.store.is_read_broken = True

    answer = await door.post(hook, a_push(hook))

    assert answer.status == 503
    assert door.pushes == []
