"""The requests of `docs/notifications.md` are sent, and a test reaches the channel."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.docs.reading import Page
from tests.support.service import Service

PAGE: Final = Page("docs/notifications.md")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data")
    service.start()
    yield service
    service.kill()


async def ask(service: Service, method: str, path: str, body: object = None) -> Any:
    headers = {"Authorization": f"Bearer {service._token()}"}
    raw = None if body is None else json.dumps(body).encode()
    return await asyncio.to_thread(service._send, method, path, headers, raw)


async def test_a_channel_is_added_changed_tested_and_removed(service: Service) -> None:
    heard: list[str] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append(request.headers["webhook-signature"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hear)
    async with TestServer(app) as server:
        request = PAGE.block("POST /api/relaunch/projects")
        request = request.replace(
            "https://chat.example/hook", str(server.make_url("/hook"))
        )
        project, *_ = await ask(service, "GET", "/api/data/projects")
        first, _, body = request.replace("{project_id}", project["id"]).partition("\n")
        method, path = first.split()

        added = await ask(service, method, path, json.loads(body))
        one = f"{path}/{added['id']}"
        changes = {name: added[name] for name in ("topics", "enabled")}
        changed = await ask(service, "PATCH", one, changes)
        told = await ask(service, "POST", f"{one}/test")
        listed = await ask(service, "GET", path)
        await ask(service, "DELETE", one)

        assert added["secret"].startswith("whsec_")
        assert changed["topics"] == added["topics"] == ["build.finished"]
        assert len(heard) == 1, told
        assert [channel["id"] for channel in listed] == [added["id"]]
        assert await ask(service, "GET", path) == []
    named = re.findall(r"`(POST|PATCH|DELETE|GET)( …/[^`]*)?`", PAGE.text)
    assert {name for name, _ in named} == {"POST", "PATCH", "DELETE", "GET"}
