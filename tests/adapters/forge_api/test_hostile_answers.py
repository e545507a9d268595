"""Answers of a forge that are made to hurt, or are none: a clear error, at little cost.

A forge is trusted to tell what its repositories hold, and with nothing else.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.clock import SystemClock
from service.adapters.egress import ANYWHERE
from service.adapters.forge_api.api_tree import object_cache
from service.adapters.forge_api.http import (
    MAX_ANSWER,
    MAX_MOVES,
    open_http_client,
)
from service.adapters.git.tree import NOTHING
from service.adapters.gitlab.executor import open_executors
from service.app.forges import Forges
from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.repository import CommitSha, Repository
from service.domain.source import Revision
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import Remote
from service.settings import ForgeSettings
from tests.support.clock import NOW
from tests.support.processor_time import processor_time

FORGES = ["github", "gitlab", "gitea"]
COMMIT = CommitSha("c" * 40)
MAIN = Revision.from_text("refs/heads/main")
LITTLE = 0.3
"""Seconds of processor time; the worst answer of 8 MB took the parser two."""


def filled(unit: bytes) -> bytes:
    return b"[" + unit * ((MAX_ANSWER - 10) // len(unit)) + b"0]"


def renamed(path: str) -> bytes:
    told = {"id": 7, "full_name": path, "path_with_namespace": path}
    return json.dumps({**told, "default_branch": "main"}).encode()


HOSTILE = {
    "lists": filled(b"[],"),
    "nested lists": filled(b"[" * 900 + b"]" * 900 + b","),
    "objects": filled(b"{},"),
    "numbers": filled(b"1,"),
    "keys": b'{"a":' * 200_000,
    "deeper than any parser goes": b"[" * 200_000 + b"]" * 200_000,
    "more than is read": b" " * (MAX_ANSWER + 1),
    "a long number": b'{"id":' + b"9" * 1_000_000 + b"}",
    "an id of 65 bits": renamed("o/n").replace(b"7", b"18446744073709551616"),
    "no id": renamed("o/n").replace(b"7", b"-1"),
    "an infinite id": renamed("o/n").replace(b"7", b"1e999"),
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "no JSON": b"<html>",
    "no UTF-8": b'{"id": "\xff"}',
    "half a character": renamed("o/n\ud800"),
    "nothing": b"",
    "a path of two lines": renamed("o/n\nx"),
    "a path of another host": renamed("/evil.example/n"),
    "a path upwards": renamed("../../n"),
    "a path with a query": renamed("o/n?x=1#y"),
    "an endless path": renamed("o/" + "n" * 100_000),
}


class Host:
    """A forge that gives one answer to everything."""

    def __init__(self) -> None:
        self.name = ""
        self.body = b""
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.asked = 0

    async def handle(self, request: web.Request) -> web.Response:
        del request
        self.asked += 1
        return web.Response(
            body=self.body,
            status=self.status,
            headers={"Content-Type": "application/json", **self.headers},
        )

    @property
    def repository(self) -> Repository:
        return Repository.from_url(f"http://{self.name}/owner/name", number=7)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.handle)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        host.name = f"{server.host}:{server.port}"
        yield host


@asynccontextmanager
async def a_remote(host: Host, kind: str) -> AsyncIterator[Remote]:
    async with some_forges(host, kind) as forges:
        remote = forges.remote(host.name)
        assert remote is not None
        yield remote


@asynccontextmanager
async def some_forges(host: Host, kind: str) -> AsyncIterator[Forges]:
    settings = ForgeSettings.model_validate(
        {"tokens": f"{host.name}=a-token", "kinds": {host.name: kind}}
    )
    deadline = timedelta(seconds=20)
    async with open_http_client(
        gate=ANYWHERE, environment={}, deadline=deadline
    ) as http:
        with open_executors() as executors:
            yield Forges(
                settings=settings,
                http=http,
                executors=executors,
                kept=object_cache(settings.cache_mb),
                clock=SystemClock(),
            )


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_answer_is_an_error_that_says_what_is_wrong(
    host: Host, kind: str, name: str
) -> None:
    async with a_remote(host, kind) as remote:
        # What the first question of a process imports is no cost of an answer.
        with suppress(TransientError, RemoteRefusedError):
            await remote.head(host.repository, MAIN)
    host.body = HOSTILE[name]

    async with a_remote(host, kind) as remote:
        with (
            processor_time() as taken,
            pytest.raises((TransientError, RemoteRefusedError)) as caught,
        ):
            await remote.head(host.repository, MAIN)
        took = taken()
        # An empty list is a directory at GitLab, an empty one.
        with suppress(TransientError, RemoteRefusedError):
            async with remote.tree(host.repository, COMMIT) as tree:
                assert set((await tree.entries(["a"])).values()) == {NOTHING}

    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 1000
    assert "a-token" not in said
    assert took < LITTLE


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_in_circles_is_an_error_after_a_few_requests(
    host: Host, kind: str, status: int
) -> None:
    host.status, host.headers = status, {"Location": "/again"}
    async with a_remote(host, kind) as remote:
        with pytest.raises((TransientError, RemoteRefusedError)):
            await remote.head(host.repository, MAIN)

    assert host.asked <= MAX_MOVES + 1


WRONG_SHAPES = [b"null", b"7", b"[null]", b'{"a": 1}', b'["x"]']


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize("body", WRONG_SHAPES)
async def test_hooks_of_a_wrong_shape_are_an_error(
    host: Host, kind: str, body: bytes
) -> None:
    host.body = body
    async with some_forges(host, kind) as forges:
        hooks = forges.hooks(host.name)
        assert hooks is not None
        with pytest.raises((TransientError, RemoteRefusedError)):
            await hooks.find(a_hook(host, kind), url="https://relaunch.example/h")
        with pytest.raises((TransientError, RemoteRefusedError)):
            await hooks.failed_deliveries(a_hook(host, kind, forge_id="7"), after="0")


async def test_a_refusal_of_a_wrong_shape_is_an_error(host: Host) -> None:
    host.status, host.body = 422, b'{"message": "Validation Failed", "errors": true}'
    async with some_forges(host, "github") as forges:
        hooks = forges.hooks(host.name)
        assert hooks is not None
        with pytest.raises(TransientError, match=r"create a hook .* not readable"):
            await hooks.create(a_hook(host, "github"), url="https://relaunch.example/h")


def a_hook(host: Host, kind: str, *, forge_id: str | None = None) -> Hook:
    return Hook(
        id=HookId("h"),
        forge=Forge(kind),
        proof=Proof.HMAC if kind == "github" else Proof.SECRET_TOKEN,
        repository=host.repository,
        secrets=[Secret("s" * 32)],
        created_at=NOW,
        forge_id=forge_id,
    )
