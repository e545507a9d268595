"""The endpoint under attack: cases 80, 84 and 91 of what forges really send."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from service.domain.hook import Hook, HookId, Secret
from service.forges.registry import FORGES
from tests.support.deliveries import (
    COURSE,
    OLDER,
    WAYS,
    Post,
    Way,
    a_hook,
    a_post,
    a_push,
    some_facts,
)
from tests.support.front_door import FrontDoor, front_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        await opened.track("main")
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


async def test_case_80_a_hook_does_not_speak_about_another_repository(
    door: FrontDoor,
) -> None:
    """A hook's owner can sign anything, about anybody's repository."""
    hook = await door.add_hook(a_hook(repository=replace(COURSE, number=1, path="a/b")))

    answer = await door.post(hook, a_push(hook))

    assert (answer.status, answer.json["error"]["code"]) == (403, 1403)
    assert door.pushes == []


@pytest.mark.parametrize(
    "lines",
    [
        b"X-Hub-Signature-256: sha256=\xff\xfe\r\n",
        b"X-Hub-Signature-256: \xc3\xa9\r\n",
        b"X-Hub-Signature-256: sha256=00\r\nx-hub-signature-256: sha256=00\r\n",
        b"X-Hub-Signature-256:\r\n",
    ],
)
async def test_case_84_any_bytes_in_a_signature_are_a_401(
    door: FrontDoor, lines: bytes
) -> None:
    hook = await door.add_hook(a_hook())
    head = f"POST /webhooks/github/{hook.id} HTTP/1.1\r\nHost: x\r\n".encode()

    answer = await raw(door.port, head + lines + b"Content-Length: 2\r\n\r\n{}")

    assert status_of(answer) == 401


async def test_case_84_header_names_in_any_case_are_the_same(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    post = a_push(hook)
    shouted = {name.upper(): value for name, value in post.headers.items()}

    answer = await door.post(hook, replace(post, headers=shouted))

    assert answer.json["status"] == "accepted"


async def test_case_91_nobody_can_tell_an_unknown_hook_from_a_wrong_proof(
    door: FrontDoor,
) -> None:
    for way in WAYS:
        hook = await door.add_hook(a_hook(way))
        wrong = a_push(replace(hook, secrets=(OLDER[way.proof],)))
        forge = hook.forge.value

        answers = [
            await door.post(hook, wrong),
            await door.post("nobody", wrong, forge=forge),
            await door.post("no!id é", wrong, forge=forge),
            await door.post(hook, replace(wrong, headers={})),
            await door.post(
                hook, wrong, forge="gitlab" if forge == "github" else "github"
            ),
        ]

        assert {answer.status for answer in answers} == {401}
        assert len({answer.body for answer in answers}) == 1
        names = [
            {header for header in answer.headers if header != "Date"}
            for answer in answers
        ]
        assert all(name == names[0] for name in names)


async def test_case_91_both_take_the_same_road(door: FrontDoor) -> None:
    """A check, a look in the database, a check: whoever asks, however often."""
    hook = await door.add_hook(a_hook())
    await door.post(hook, a_push(hook))
    wrong = a_push(replace(hook, secrets=(Secret("wrong"),)))

    reads = []
    for target in (hook.id, HookId("nobody"), hook.id, HookId("nobody")):
        before = door.store.reads
        await door.post(target, wrong)
        reads.append(door.store.reads - before)

    assert reads == [1, 1, 1, 1]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_other_methods_are_told_what_is_expected(
    door: FrontDoor, method: str
) -> None:
    answer = await door.request(method, "/webhooks/github/x")

    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    if method != "HEAD":
        assert answer.json["error"]["code"] == 1405


async def test_no_secret_is_in_any_answer_or_counter(door: FrontDoor) -> None:
    for way in WAYS:
        hook = await door.add_hook(a_hook(way))
        good, bad = a_push(hook), a_push(replace(hook, secrets=(OLDER[way.proof],)))
        foreign = some_facts(repository=replace(COURSE, number=1))
        answers = [
            await door.post(hook, post) for post in (good, bad, a_push(hook, foreign))
        ]
        metrics = await door.request("GET", "/metrics")

        seen = b"".join(answer.body for answer in (*answers, metrics))
        assert hook.secrets[0].reveal().encode() not in seen


async def test_a_header_for_traces_is_not_taken_from_strangers(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())
    theirs = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    await door.post(hook, a_push(hook).but(traceparent=theirs))

    (event,) = door.bus.events
    assert event.traceparent is not None
    assert event.traceparent[3:35] != "a" * 32
    assert len(event.traceparent) == len(theirs)


VALUES = st.text(
    st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=20
)


SENT = sorted({name for spec in FORGES.values() for name in spec.headers.sent})


async def test_nothing_whatever_gives_a_500(door: FrontDoor) -> None:
    """Signed or not: any body, any headers, any method."""
    hooks = {way: await door.add_hook(a_hook(way)) for way in WAYS}
    loop = asyncio.get_running_loop()
    slow = settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )

    @slow
    @given(
        way=st.sampled_from(WAYS),
        body=st.binary(max_size=100) | st.sampled_from([b"{}", b"[]", b"null"]),
        event=VALUES,
        extra=st.dictionaries(
            st.sampled_from(["Content-Encoding", "Transfer-Encoding", "Expect", *SENT]),
            VALUES,
        ),
    )
    def send(way: Way, body: bytes, event: str, extra: Mapping[str, str]) -> None:
        hook = hooks[way]
        post = a_post(hook, body, event=event)
        answer = asyncio.run_coroutine_threadsafe(
            raw(door.port, spelled(hook, post, extra)), loop
        ).result(timeout=20)
        assert not answer or status_of(answer) < 500

    await asyncio.to_thread(send)


def spelled(hook: Hook, post: Post, extra: Mapping[str, str]) -> bytes:
    """Write a request byte by byte: a client library would refuse to send it."""
    headers: dict[str, Any] = {**post.headers, **extra}
    headers |= {"Host": "x", "Content-Length": len(post.body), "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = f"POST /webhooks/{hook.forge.value}/{hook.id} HTTP/1.1"
    return "\r\n".join([head, *lines, "", ""]).encode("latin-1") + post.body


@pytest.mark.parametrize("value", [b"\xff", b"a miracle", b"100-continue, 200"])
async def test_expecting_anything_but_to_continue_is_a_417(
    door: FrontDoor, value: bytes
) -> None:
    head = b"POST /webhooks/github/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"

    answer = await raw(door.port, head + b"Expect: " + value + b"\r\n\r\n")

    assert status_of(answer) == 417
    assert b"application/json" in answer


async def test_a_sender_that_asks_first_is_told_to_go_on(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())

    answer = await door.post(hook, a_push(hook).but(expect="100-continue"))

    assert answer.json["status"] == "accepted"
