"""A package index that lets in, refuses, or never answers.

https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.wheels import a_wheel

__all__ = ["Index", "an_index"]


@dataclass
class Index:
    """Has one version of whatever is asked for."""

    url: str = ""
    does: Literal["serve", "refuse", "hang"] = "serve"
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    def serve(self) -> None:
        """Let everything in, also what hangs."""
        self.does = "serve"
        self.is_over.set()

    def hang(self) -> None:
        """Answer nothing until it serves again."""
        self.does = "hang"
        self.is_over.clear()

    async def page(self, request: web.Request) -> web.Response:
        """List the files of a project."""
        if self.does == "hang":
            await self.is_over.wait()
        if self.does == "refuse":
            return web.Response(status=403, text="Forbidden")
        name = request.match_info["name"]
        file = f"{name}-1.0-py3-none-any.whl"
        page = f'<!DOCTYPE html><html><body><a href="/files/{file}">{file}</a></body>'
        return web.Response(text=f"{page}</html>", content_type="text/html")

    async def file(self, request: web.Request) -> web.Response:
        """Send a wheel."""
        name = request.match_info["file"].partition("-")[0]
        return web.Response(body=a_wheel(name, "1.0"))


@asynccontextmanager
async def an_index() -> AsyncIterator[Index]:
    """Run an index on a port of this machine."""
    index = Index()
    app = web.Application()
    app.router.add_get("/simple/{name}/", index.page)
    app.router.add_get("/files/{file}", index.file)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        index.url = str(server.make_url("/simple/"))
        try:
            yield index
        finally:
            index.is_over.set()
