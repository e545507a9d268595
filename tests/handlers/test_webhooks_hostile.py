"""The door under attack: cases 80, 82, 84 to 87 and 91 of what forges really send."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from handlers.bodies import MAX_BODY
from service.domain.hook import Hook, HookId, Proof, Secret
from tests.support.clock import NOW
from tests.support.deliveries import (
    COURSE,
    OLDER,
    Post,
    a_hook,
    a_post,
    a_push,
    payload_of,
    some_facts,
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


async def test_case_80_a_hook_does_not_speak_about_another_repository(
    door: FrontDoor,
) -> None:
    """A hook's owner can sign anything, about anybody's repository."""
    hook = await door.add_hook(a_hook(repository=replace(COURSE, number=1, path="a/b")))

    answer = await door.post(hook, a_push(hook))

    assert (answer.status, answer.json["error"]["code"]) == (403, 1403)
    assert door.pushes == []


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
    head = b"POST /webhooks/github/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n"

    async with asyncio.TaskGroup() as group:
        first = group.create_task(raw(hasty_door.port, head + b"\r\n"))
        await asyncio.sleep(0.1)
        second = group.create_task(raw(hasty_door.port, head + b"\r\n"))

    assert status_of(first.result()) == 408
    assert status_of(second.result()) in {408, 503}


async def test_case_87_a_slow_body_of_the_rest_api_is_given_up_too(
    hasty_door: FrontDoor,
) -> None:
    head = (
        b"POST /api/data/hooks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
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
    assert [it.received_at for it in door.pushes] == [NOW + timedelta(seconds=7)]


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


async def test_case_91_nobody_can_tell_an_unknown_hook_from_a_wrong_proof(
    door: FrontDoor,
) -> None:
    for proof in Proof:
        hook = await door.add_hook(a_hook(proof))
        wrong = a_push(replace(hook, secrets=(OLDER[proof],)))
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
        names = [{it for it in answer.headers if it != "Date"} for answer in answers]
        assert all(it == names[0] for it in names)


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
    for proof in Proof:
        hook = await door.add_hook(a_hook(proof))
        good, bad = a_push(hook), a_push(replace(hook, secrets=(OLDER[proof],)))
        foreign = some_facts(repository=replace(COURSE, number=1))
        answers = [
            await door.post(hook, it) for it in (good, bad, a_push(hook, foreign))
        ]
        metrics = await door.request("GET", "/metrics")

        seen = b"".join(it.body for it in (*answers, metrics))
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
PATHS = st.sampled_from(
    ["/webhooks/github/hook-hmac", "/webhooks/gitlab/hook-secret-token", "/webhooks/x"]
)


async def test_nothing_whatever_gives_a_500(door: FrontDoor) -> None:
    """Signed or not: any body, any headers, any method."""
    hooks = {proof: await door.add_hook(a_hook(proof)) for proof in Proof}
    loop = asyncio.get_running_loop()
    slow = settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )

    @slow
    @given(
        proof=st.sampled_from(list(Proof)),
        body=st.binary(max_size=100) | st.sampled_from([b"{}", b"[]", b"null"]),
        event=VALUES,
        extra=st.dictionaries(
            st.sampled_from(
                [
                    "Content-Type",
                    "Content-Encoding",
                    "X-Hub-Signature-256",
                    "X-GitHub-Delivery",
                    "Idempotency-Key",
                    "Transfer-Encoding",
                    "Expect",
                    "webhook-signature",
                ]
            ),
            VALUES,
        ),
    )
    def send(proof: Proof, body: bytes, event: str, extra: Mapping[str, str]) -> None:
        hook = hooks[proof]
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


async def test_payload_fields_of_other_kinds_are_400_not_500(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    payload = payload_of(a_push(hook))

    for name in payload:
        for value in (None, 7, "x", [], {}, True, [[]], {"id": "x"}):
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
        answers = [group.create_task(door.post(hook, it)) for it in posts]
    assert {it.result().status for it in answers} <= set(statuses)
    return time.thread_time() - began
