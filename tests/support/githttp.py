"""A forge for tests: repositories over HTTP, with the faults that forges have.

Smart HTTP is served by git's own `git http-backend`, a CGI program:
https://git-scm.com/docs/git-http-backend.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.git.command import feed
from service.adapters.processes import PIPE, start_process
from tests.support.repos import ENVIRONMENT


@dataclass(slots=True)
class Faults:
    """What the forge does wrong; changed while it runs."""

    status: int | None = None
    """Answer everything with this status."""
    hangs: bool = False
    """Answer nothing, ever."""
    takes: float = 0
    """Seconds before each answer."""
    trickles: bool = False
    """Answer a byte a second, so that every read brings one."""
    breaks: bool = False
    """Close the connection in the middle of a pack."""
    is_old: bool = False
    """Speak the first protocol only, whose servers give nothing by its id."""
    is_static: bool = False
    """Serve files, without any git on the server."""
    is_web_page: bool = False
    """Answer everything with a page for people."""
    moved_to: str | None = None
    """Redirect the first path component to this one."""


@dataclass(slots=True)
class GitForge:
    """A running server over the repositories in a folder."""

    root: Path
    faults: Faults = field(default_factory=Faults)
    seen: list[str] = field(default_factory=list)
    """Method and path of every request."""
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path}")
        faults = self.faults
        if faults.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(faults.takes)
        if faults.trickles:
            return await _trickle(request)
        if faults.status:
            headers = {"WWW-Authenticate": "Basic"} if faults.status == 401 else {}
            return web.Response(status=faults.status, headers=headers)
        if faults.is_web_page:
            return web.Response(text="<html>\n</html>\n", content_type="text/html")
        if faults.moved_to and not request.path.startswith(f"/{faults.moved_to}/"):
            _, _, rest = request.path_qs.removeprefix("/").partition("/")
            raise web.HTTPMovedPermanently(f"/{faults.moved_to}/{rest}")
        if faults.is_static:
            return _static(self.root / request.path.removeprefix("/"))
        return await self._smart(request)

    async def _smart(self, request: web.Request) -> web.StreamResponse:
        said = await self._backend(request)
        head, _, body = said.partition(b"\r\n\r\n")
        headers = dict(
            line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")
        )
        status = int(headers.pop("Status", "200 OK").split()[0])
        response = web.StreamResponse(status=status, headers=headers)
        is_cut = self.faults.breaks and len(body) > 500
        if is_cut:
            response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2] if is_cut else body)
        if is_cut and request.transport is not None:
            request.transport.abort()
            return response
        await response.write_eof()
        return response

    async def _backend(self, request: web.Request) -> bytes:
        process = await start_process(
            "git", "http-backend", stdin=PIPE, stdout=PIPE, env=self._cgi(request)
        )
        assert process.stdin is not None
        feed(process.stdin, await request.read())
        said, _ = await process.communicate()
        return said

    def _cgi(self, request: web.Request) -> dict[str, str]:
        protocol = "" if self.faults.is_old else request.headers.get("Git-Protocol", "")
        return {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_GIT_PROTOCOL": protocol,
            "REMOTE_ADDR": "127.0.0.1",
        }


async def _trickle(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    answer.content_type = "application/x-git-upload-pack-advertisement"
    await answer.prepare(request)
    while True:
        await answer.write(b"0")
        await asyncio.sleep(1)


def _static(path: Path) -> web.Response:
    if not path.is_file():
        return web.Response(status=404)
    return web.Response(body=path.read_bytes(), content_type="text/plain")


@asynccontextmanager
async def git_forge(root: Path, *, host: str = "127.0.0.1") -> AsyncIterator[GitForge]:
    """Serve the bare repositories below a folder on a port of this machine."""
    forge = GitForge(root)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", forge.handle)
    async with TestServer(app, host=host, shutdown_timeout=0.1) as server:
        forge.url = str(server.make_url("/")).rstrip("/")
        yield forge
