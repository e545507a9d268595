"""Deliveries that come again: cases 52 and 53 of what forges really send."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.domain.hook import Hook, HookId, Proof
from tests.support.deliveries import (
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


async def test_case_52_a_delivery_sent_again_is_accepted_once(
    door: FrontDoor, hook: Hook
) -> None:
    post = a_push(hook)

    first = await door.post(hook, post)
    second = await door.post(hook, post)

    assert (first.json["status"], second.json["status"]) == ("accepted", "duplicate")
    assert (first.status, second.status) == (202, 202)
    assert first.json["delivery"] == second.json["delivery"]
    assert len(door.bus.events) == 1


async def test_case_52_a_delivery_that_could_not_be_kept_may_come_again(
    door: FrontDoor, hook: Hook
) -> None:
    post = a_push(hook)
    door.bus.is_broken = door.store.is_write_broken = True
    first = await door.post(hook, post)
    door.bus.is_broken = door.store.is_write_broken = False

    second = await door.post(hook, post)

    assert first.status == 503
    assert second.json["status"] == "accepted"


async def test_case_52_without_an_id_equal_bodies_are_not_taken_for_one_push(
    door: FrontDoor,
) -> None:
    """To and fro and to again within a second gives equal bodies."""
    hook = await door.add_hook(a_hook(Proof.SECRET_TOKEN))
    post = a_push(hook).but(idempotency_key=None)

    first = await door.post(hook, post)
    second = await door.post(hook, post)

    assert (first.json["status"], second.json["status"]) == ("accepted", "accepted")
    assert len({event.id for event in door.bus.events}) == 2


async def test_case_53_one_push_through_two_hooks_is_no_replay(
    door: FrontDoor, hook: Hook
) -> None:
    other = await door.add_hook(replace(hook, id=HookId("other")))
    post = a_push(hook, delivery_id="shared")

    first = await door.post(hook, post)
    second = await door.post(other, post)

    assert (first.json["status"], second.json["status"]) == ("accepted", "accepted")
    assert first.json["delivery"] != second.json["delivery"]
