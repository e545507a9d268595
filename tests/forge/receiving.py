"""A receiver of deliveries that answers as it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    headers: dict[str, str]
    body: bytes
    json: Any


@dataclass(slots=True)
class Receiver:
    """Where hooks point."""

    url: str = ""
    status: int = 202
    received: list[Received] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        is_json = request.content_type == "application/json"
        said = await request.json() if is_json else None
        headers = {name.lower(): text for name, text in request.headers.items()}
        self.received.append(Received(headers=headers, body=body, json=said))
        return web.Response(status=self.status, text="thanks")


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver
