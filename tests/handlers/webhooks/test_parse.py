"""Payloads under attack: case 85 of what forges really send, and hostile fields."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.domain.hook import Hook
from tests.support.deliveries import (
    a_hook,
    a_post,
    a_push,
    payload_of,
)
from tests.support.front_door import FrontDoor, front_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        await opened.track("main")
        yield opened


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 100_000, b'{"a": NaN}', b"\xff", b"9" * 5000, b"[]"],
    ids=["empty", "cut", "deep", "nan", "not utf-8", "huge number", "list"],
)
async def test_case_85_signed_nonsense_is_a_400_in_our_shape(
    door: FrontDoor, body: bytes
) -> None:
    hook = await door.add_hook(a_hook())

    answer = await door.post(hook, a_post(hook, body))

    assert answer.status == 400
    assert answer.json["error"]["code"] == 1400
    assert door.bus.events == []


async def test_payload_fields_of_other_kinds_are_400_not_500(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    payload = payload_of(a_push(hook))

    values: list[object] = [None, 7, "x", [], {}, True, [[]], {"id": "x"}]
    for name in payload:
        for value in values:
            answer = await door.post(hook, a_post(hook, payload | {name: value}))
            assert answer.status in {202, 400, 403}, (name, value, answer.body)


async def test_bodies_just_under_the_limit_cost_the_others_little(
    door: FrontDoor,
) -> None:
    """What the quick reader does not take is read elsewhere, or is small."""
    hook = await door.add_hook(a_hook())
    padding = b"x" * 1_000_000
    deep = b"[" * 900 + b"]" * 900 + b","
    worst = b"[" + deep * (1_000_000 // len(deep)) + b"0]"
    pushed = a_push(hook).body[:-1]
    ordinary = pushed + b',"note":"' + padding + b'"}'
    # Half a character sends it the slow way, the whole of it.
    slow = pushed + b',"odd":"\\ud800","note":' + worst + b"}"

    usual = await _cost(door, hook, ordinary, 202)
    hostile = await _cost(door, hook, slow, 202, 503)

    # In this process, with the slow reader, it was thirty times as much.
    assert hostile < 6 * usual + 0.1


async def _cost(door: FrontDoor, hook: Hook, body: bytes, *statuses: int) -> float:
    """Return the processor time that this thread, the loop's, needs for ten bodies."""
    posts = [a_post(hook, body) for _ in range(10)]
    began = time.thread_time()
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(door.post(hook, post)) for post in posts]
    assert {task.result().status for task in answers} <= set(statuses)
    return time.thread_time() - began
