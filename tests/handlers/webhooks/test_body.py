"""Bodies of deliveries under attack: cases 82, 86 and 87 of what forges really send."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.webhooks.body import MAX_BODY
from tests.support.clock import NOW
from tests.support.deliveries import (
    a_hook,
    a_post,
    a_push,
)
from tests.support.front_door import FrontDoor, front_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        await opened.track("main")
        yield opened


@pytest.fixture
async def hasty_door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    deadline = timedelta(seconds=0.5)
    async with front_door(tmp_path, read_deadline=deadline, big_at_once=1) as opened:
        yield opened


async def raw(port: int, sent: bytes, *, then_wait: float = 10) -> bytes:
    """Write bytes to a socket and read what comes until it is quiet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        await writer.drain()
        async with asyncio.timeout(then_wait):
            return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as exc:
        return exc.partial
    finally:
        writer.close()
        await writer.wait_closed()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x", "identity, gzip"])
async def test_case_82_a_compressed_body_is_refused(
    door: FrontDoor, encoding: str
) -> None:
    hook = await door.add_hook(a_hook())
    post = a_push(hook)
    head = (
        f"POST /webhooks/github/{hook.id} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Encoding: {encoding}\r\nContent-Length: {len(post.body)}\r\n\r\n"
    )

    answer = await raw(door.port, head.encode() + post.body)

    assert status_of(answer) == 415


async def test_case_82_identity_is_no_compression(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())

    answer = await door.post(hook, a_push(hook).but(content_encoding="identity"))

    assert answer.json["status"] == "accepted"


async def test_case_86_the_worst_body_does_not_stop_the_others(
    door: FrontDoor,
) -> None:
    """24 MB of lists take a parser two seconds, and the interpreter's lock with it."""
    hook = await door.add_hook(a_hook())
    worst = a_post(hook, b"[" + b"[]," * (8 * 1024 * 1024) + b"[]]")
    waits: list[float] = []
    started = time.monotonic()

    async with asyncio.TaskGroup() as group:
        answer = group.create_task(door.post(hook, worst))
        while not answer.done():
            began = time.monotonic()
            await door.request("GET", "/healthz")
            waits.append(time.monotonic() - began)

    # On a machine that is too busy to tell in time, the forge is told so.
    assert answer.result().status in {400, 503}
    assert max(waits) < (time.monotonic() - started) / 2


async def test_case_86_more_than_any_forge_sends_is_a_413(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    length = MAX_BODY + 1
    head = f"POST /webhooks/github/{hook.id} HTTP/1.1\r\nHost: x\r\n"
    declared = f"{head}Content-Length: {length}\r\n\r\n"

    answer = await raw(door.port, declared.encode())

    assert status_of(answer) == 413


async def test_case_86_a_length_that_was_not_declared_is_counted(
    door: FrontDoor,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(27):
            yield b"x" * 1024 * 1024

    answer = await door.request("POST", "/webhooks/github/nobody", data=pieces())

    assert (answer.status, answer.json["error"]["code"]) == (413, 1413)


async def test_case_86_big_bodies_wait_for_each_other_and_then_get_503(
    hasty_door: FrontDoor,
) -> None:
    """One sender holds the only place for big bodies; the next cannot wait for ever."""
    async with asyncio.TaskGroup() as group:
        first = group.create_task(raw(hasty_door.port, BIG_HEAD + MORE_THAN_SMALL))
        await asyncio.sleep(0.1)
        second = group.create_task(raw(hasty_door.port, BIG_HEAD + MORE_THAN_SMALL))

    assert status_of(first.result()) == 408
    assert status_of(second.result()) in {408, 503}


BIG_HEAD = (
    b"POST /webhooks/github/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"
)
MORE_THAN_SMALL = b"x" * 1_100_000


@asynccontextmanager
async def strangers(port: int, sent: bytes) -> AsyncIterator[None]:
    """Keep ten unfinished bodies open from another address, as long as they last."""

    async def stay() -> None:
        while True:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=("127.0.0.2", 0)
            )
            try:
                writer.write(sent)
                with suppress(ConnectionError):
                    await reader.read(1000)
            finally:
                writer.transport.abort()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(stay()) for _ in range(10)]
        await asyncio.sleep(0.3)
        yield
        for task in tasks:
            task.cancel()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(BIG_HEAD, id="a length and no more"),
        pytest.param(BIG_HEAD + MORE_THAN_SMALL, id="a half"),
    ],
)
async def test_case_86_strangers_who_do_not_finish_keep_no_big_push_waiting(
    door: FrontDoor, sent: bytes
) -> None:
    """There are two places: ten strangers would hold them for eight seconds each."""
    hook = await door.add_hook(a_hook())
    push = a_push(hook)
    big = a_post(hook, push.body[:-1] + b', "pad": "' + b"x" * 2_000_000 + b'"}')

    async with strangers(door.port, sent):
        answers = [(await door.post(hook, big)).status for _ in range(2)]

    assert answers == [202, 202]


async def test_case_87_a_slow_body_of_the_rest_api_is_given_up_too(
    hasty_door: FrontDoor,
) -> None:
    head = (
        b"POST /api/relaunch/hooks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
        b"Authorization: Bearer a token\r\n\r\n"
    )
    began = time.monotonic()

    answer = await raw(hasty_door.port, head + b"half")

    assert status_of(answer) == 408
    assert 0.4 < time.monotonic() - began < 5


async def test_case_87_a_slow_body_is_given_up_at_the_deadline(
    hasty_door: FrontDoor,
) -> None:
    head = b"POST /webhooks/github/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    began = time.monotonic()

    answer = await raw(hasty_door.port, head + b"half")

    assert status_of(answer) == 408
    assert 0.4 < time.monotonic() - began < 5


async def test_case_87_a_slow_body_counts_from_when_it_is_whole(
    door: FrontDoor,
) -> None:
    """What is known of its hook has to be fresh then."""
    hook = await door.add_hook(a_hook())
    post = a_push(hook)

    async def slowly() -> AsyncIterator[bytes]:
        yield post.body[:100]
        await asyncio.sleep(0.2)
        door.clock.advance(timedelta(seconds=7))
        yield post.body[100:]

    path = f"/webhooks/github/{hook.id}"
    answer = await door.request("POST", path, data=slowly(), headers=post.headers)

    assert answer.status == 202
    assert [push.received_at for push in door.pushes] == [NOW + timedelta(seconds=7)]


async def test_case_87_a_sender_that_leaves_in_the_middle_leaves_nothing_behind(
    door: FrontDoor,
) -> None:
    head = b"POST /webhooks/github/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    before = len(asyncio.all_tasks())

    for _ in range(10):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(head + b"half")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.transport.abort()
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - tasks tell nobody
            await asyncio.sleep(0.01)

    gone = {"method": "POST", "route": "/webhooks/github/{hook_id}", "status": "500"}
    assert door.count("relaunch_request_seconds_count", **gone) == 0
