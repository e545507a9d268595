"""`relaunch hook forward`, against a stand-in of a smee channel."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from service.cli.channel import forward, read_parcel
from service.errors import InvalidRequestError, PermanentError

SECRET = b"s3cret"
BODIES = [
    '{"ref":"refs/heads/main","n":1.5,"text":"Zürich ✓ \\"<&>\\" \\\\ \\n 😀"}',
    '{"ref":"refs/heads/a\\u0001b","empty":{},"list":[],"null":null,"0":"x"}',
]
"""As GitHub writes them: compact, UTF-8, escapes only where JSON demands one."""
RAILS = '{"ref":"refs/heads/main","text":"a \\u003cb\\u003e \\u0026 c"}'
"""As GitLab does."""


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def as_smee_tells(headers: dict[str, str], body: str) -> str:
    """https://github.com/probot/smee.io/blob/main/lib/server.js, `POST /:channel`."""
    payload = {**headers, "body": json.loads(body), "query": {}, "timestamp": 1}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


@dataclass
class Scene:
    channel: str
    target: str
    connections: list[asyncio.Queue[str | None]] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    secret: bytes = SECRET
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, data: str) -> None:
        """A channel keeps nothing: who listens gets it."""
        for connection in self.connections:
            await connection.put(data)

    async def cut(self) -> None:
        self.connected.clear()
        for connection in self.connections:
            await connection.put(None)


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    found = Scene(channel="", target="")

    async def listen(request: web.Request) -> web.StreamResponse:
        # Nothing but exactly this; any other Accept is shown a page.
        if request.headers.get("Accept") != "text/event-stream":
            return web.Response(text="<html>", content_type="text/html")
        assert "Authorization" not in request.headers
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        # Ids begin anew with each connection: nobody can go on from one.
        await response.write(b"id: 0\nevent: ready\ndata: {}\n\n")
        found.connections.append(queue)
        found.connected.set()
        count = 0
        while (data := await queue.get()) is not None:
            count += 1
            await response.write(f"id: {count}\ndata: {data}\n\n".encode())
            await response.write(f"id: {count}\nevent: ping\ndata: {{}}\n\n".encode())
        found.connections.remove(queue)
        return response

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        given = request.headers.get("X-Hub-Signature-256", "")
        is_proved = hmac.compare_digest(given, signature(body))
        headers = {name.lower(): it for name, it in request.headers.items()}
        found.received.append((headers, body))
        return web.json_response({}, status=202 if is_proved else 401)

    channel, hook = web.Application(), web.Application()
    channel.router.add_get("/abc", listen)
    hook.router.add_post("/webhooks/github/h", take)
    async with serving(channel) as there, serving(hook) as here:
        found.channel, found.target = f"{there}/abc", f"{here}/webhooks/github/h"
        yield found


def a_delivery(body: str) -> str:
    headers = {
        "host": "smee.io",
        "content-length": "1",
        "x-forwarded-for": "1.2.3.4",
        "cookie": "a=b",
        "content-type": "application/json",
        "x-github-event": "push",
        "x-github-delivery": "d-1",
        "x-hub-signature-256": signature(body.encode()),
    }
    return as_smee_tells(headers, body)


async def lines(scene: Scene, count: int, act: Any = None) -> list[str]:
    told: list[str] = []
    async with asyncio.timeout(15):
        stream = forward(scene.channel, scene.target)
        async for line in stream:
            told.append(line)
            if len(told) == count:
                return told
            if act:
                await act(told)
    raise AssertionError(told)


@pytest.mark.parametrize("body", [*BODIES, RAILS], ids=["text", "escapes", "rails"])
async def test_a_signature_over_the_raw_bytes_still_holds(
    scene: Scene, body: str
) -> None:
    async def act(_: list[str]) -> None:
        await scene.send(a_delivery(body))

    told = await lines(scene, 2, act)

    headers, raw = scene.received[-1]
    assert told == [f"Forwarding {scene.channel} to {scene.target}", "push: 202"]
    assert raw == body.encode()
    assert headers["x-github-delivery"] == "d-1"
    assert not {"cookie", "x-forwarded-for"} & set(headers)


async def test_another_secret_is_told(scene: Scene) -> None:
    text = a_delivery(BODIES[0]).replace("sha256=", "sha256=00")

    async def act(_: list[str]) -> None:
        await scene.send(text)

    told = await lines(scene, 2, act)

    assert told[1].startswith("push: 401; the secret at the forge is another one")
    # The second was tried in Rails' way; there is no third.
    assert len(scene.received) == 2


async def test_a_cut_stream_is_taken_up_again(scene: Scene) -> None:
    async def act(told: list[str]) -> None:
        if len(told) == 1:
            await scene.cut()
        elif told[-1].startswith("Connected again"):
            await scene.send(a_delivery(BODIES[0]))

    told = await lines(scene, 4, act)

    assert told[1] == f"{scene.channel} ended; again in 1 s."
    assert told[3] == "push: 202"


async def test_what_is_no_delivery_is_told_and_ends_nothing(scene: Scene) -> None:
    async def act(told: list[str]) -> None:
        await scene.send("[]" if len(told) == 1 else a_delivery(BODIES[0]))

    told = await lines(scene, 3, act)

    assert told[1:] == [
        "Not forwarded: an event of the channel is no delivery.",
        "push: 202",
    ]


async def test_what_is_no_channel_is_told(scene: Scene) -> None:
    with pytest.raises(PermanentError, match="answered 404 and no stream"):
        await lines(Scene(channel=f"{scene.channel}d", target=scene.target), 1)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a"}', '{"a":1}', '{"body":"ref=x"}', '{"body":{}', "{1:{}}"],
)
def test_any_text_is_a_parcel_or_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_parcel(text)
