"""`relaunch hook forward`, against a stand-in of smee.io."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientSession, web

from service.cli.pushes.channel import forward, read_delivery
from service.errors import InvalidRequestError, PermanentError
from tests.support.smee import BODY_LIMIT, Smee, a_smee

SECRET = b"s3cret"
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
BODIES = [
    '{"ref":"refs/heads/main","n":1.5,"text":"Zürich ✓ \\"<&>\\" \\\\ \\n 😀"}',
    '{"ref":"refs/heads/a\\u0001b","empty":{},"list":[],"null":null,"a0":"x"}',
]
"""As GitHub writes them: compact, UTF-8, escapes only where JSON demands one."""
RAILS = '{"ref":"refs/heads/main","text":"a \\u003cb\\u003e \\u0026 c"}'
"""As GitLab does."""


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()


@dataclass
class Scene:
    smee: Smee
    target: str
    name: str = "abc-_1"
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def channel(self) -> str:
        return f"{self.smee.url}/{self.name}"

    async def send(self, body: str, **headers: str) -> int:
        """Send a push to the channel as a forge does; return what it answers."""
        given = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": DELIVERY,
            "X-Hub-Signature-256": signature(body.encode()),
            "X-Forwarded-For": "1.2.3.4",
            "Cookie": "a=b",
        }
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            ClientSession() as session,
            session.post(
                self.channel, data=BytesIO(body.encode()), headers=given
            ) as answer,
        ):
            return answer.status


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        given = request.headers.get("X-Hub-Signature-256", "")
        is_proved = hmac.compare_digest(given, signature(body))
        headers = {name.lower(): text for name, text in request.headers.items()}
        found.received.append((headers, body))
        return web.json_response({}, status=202 if is_proved else 401)

    hook = web.Application(client_max_size=2**26)
    hook.router.add_post("/webhooks/github/h", take)
    async with a_smee() as smee, serving(hook) as here:
        found = Scene(smee=smee, target=f"{here}/webhooks/github/h")
        yield found


async def lines(
    scene: Scene, count: int, act: Any = None, *, of: str = ""
) -> list[str]:
    told: list[str] = []
    async with asyncio.timeout(15):
        async with aclosing(forward(of or scene.channel, scene.target)) as stream:
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
        assert await scene.send(body) == 200

    told = await lines(scene, 2, act)

    headers, raw = scene.received[-1]
    assert told == [f"Forwarding {scene.channel} to {scene.target}", "push: 202"]
    assert raw == body.encode()
    assert headers["x-github-delivery"] == DELIVERY
    assert not {"cookie", "x-forwarded-for"} & set(headers)


async def test_the_largest_push_that_a_channel_takes_is_forwarded(scene: Scene) -> None:
    padding = "x" * (BODY_LIMIT - len('{"text":""}'))

    async def act(_: list[str]) -> None:
        body = f'{{"text":"{padding}"}}'
        assert await scene.send(body.replace("x", "xx", 1)) == 413
        assert await scene.send(body) == 200

    told = await lines(scene, 2, act)

    assert told[1] == "push: 202"
    assert len(scene.received) == 1


async def test_a_forge_that_sends_a_form_is_told_by_the_channel(scene: Scene) -> None:
    form = "application/x-www-form-urlencoded"

    assert await scene.send("payload=%7B%7D", Content_Type=form) == 415


async def test_another_secret_is_told(scene: Scene) -> None:
    async def act(_: list[str]) -> None:
        other = signature(b"another body")
        assert await scene.send(BODIES[0], X_Hub_Signature_256=other) == 200

    told = await lines(scene, 2, act)

    assert told[1].startswith("push: 401; the secret at the forge is another one")
    # The second was tried in Rails' way; there is no third.
    assert len(scene.received) == 2


@pytest.mark.parametrize("written", ['"n":1.0', '"10":"x"', '"n":12345678901234567890'])
async def test_what_the_channel_writes_otherwise_is_told(
    scene: Scene, written: str
) -> None:
    async def act(_: list[str]) -> None:
        assert await scene.send(f'{{"ref":"refs/heads/main",{written}}}') == 200

    told = await lines(scene, 2, act)

    assert told[1].endswith("or the channel changed the body")


@pytest.mark.parametrize("how", ["end", "cut"])
async def test_a_stream_that_is_over_is_taken_up_again(scene: Scene, how: str) -> None:
    async def act(told: list[str]) -> None:
        if len(told) == 1:
            await getattr(scene.smee, how)(scene.name)
        elif told[-1].startswith("Connected again"):
            assert await scene.send(BODIES[0]) == 200

    told = await lines(scene, 4, act)

    assert re.fullmatch(
        rf"{scene.channel} (ended|went away \(.+\)); again in 1 s.", told[1]
    )
    assert told[3] == "push: 202"


async def test_what_is_no_delivery_is_told_and_ends_nothing(scene: Scene) -> None:
    async def act(told: list[str]) -> None:
        if len(told) == 1:
            await scene.smee.say(scene.name, "[]")
        else:
            assert await scene.send(BODIES[0]) == 200

    told = await lines(scene, 3, act)

    assert told[1:] == [
        "Not forwarded: an event of the channel is no delivery.",
        "push: 202",
    ]


async def test_the_address_for_new_channels_opens_one_and_stays_there(
    scene: Scene,
) -> None:
    async def act(told: list[str]) -> None:
        (scene.name,) = scene.smee.made
        if len(told) == 1:
            await scene.smee.end(scene.name)
        elif told[-1].startswith("Connected again"):
            assert await scene.send(BODIES[0]) == 200

    told = await lines(scene, 4, act, of=f"{scene.smee.url}/new")

    assert told[0] == f"Forwarding {scene.channel} to {scene.target}"
    assert told[3] == "push: 202"


async def test_a_slash_after_the_channel_does_no_harm(scene: Scene) -> None:
    told = await lines(scene, 1, of=f"{scene.channel}/")

    assert told == [f"Forwarding {scene.channel} to {scene.target}"]


@pytest.mark.parametrize("name", ["no.channel", "deep/channel", "c" * 101])
async def test_what_is_no_channel_is_told(scene: Scene, name: str) -> None:
    with pytest.raises(PermanentError, match=r"answered 4\d\d and no stream"):
        await lines(scene, 1, of=f"{scene.smee.url}/{name}")


async def test_a_channel_that_is_blocked_says_why(scene: Scene) -> None:
    scene.smee.blocked.add(scene.name)

    with pytest.raises(PermanentError, match=r"403 .+ due to too many connections"):
        await lines(scene, 1)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a"}', '{"a":1}', '{"body":"ref=x"}', '{"body":{}', "{1:{}}"],
)
def test_any_text_is_a_parcel_or_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_delivery(text)
