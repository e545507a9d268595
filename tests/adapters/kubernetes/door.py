"""A door before the cluster's registry that refuses some requests until it opens."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientSession, web

from service.domain.building.build import Build
from service.ports.builder import Builder, Running
from tests.support.kube import Kube

__all__ = ["Door", "a_door", "is_of_consumer", "waiting"]


@dataclass(kw_only=True)
class Door:
    """Passes requests on, but for those that it refuses."""

    target: str
    refuses: Callable[[web.Request], bool]
    status: int = 403
    host: str = ""
    is_mended: bool = False
    refused: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self.is_mended and self.refuses(request):
            self.refused += 1
            errors = [{"code": "DENIED", "message": "robots may not do that"}]
            return web.json_response({"errors": errors}, status=self.status)
        url = f"http://{self.target}{request.raw_path}"
        dropped = {"host", "content-length", "transfer-encoding"}
        kept = {k: v for k, v in request.headers.items() if k.lower() not in dropped}
        async with (
            ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, url, headers=kept, data=await request.read()
            ) as answer,
        ):
            said = {
                name: value.replace(self.target, self.host)
                for name, value in answer.headers.items()
                if name.lower() not in {"transfer-encoding", "content-length"}
            }
            return web.Response(
                status=answer.status, headers=said, body=await answer.read()
            )


@asynccontextmanager
async def a_door(
    kube: Kube, *, refuses: Callable[[web.Request], bool], status: int = 403
) -> AsyncIterator[Door]:
    """Serve a door that pods and this process reach by one name."""
    door = Door(target=kube.registry, refuses=refuses, status=status)
    application = web.Application(client_max_size=2**28)
    application.router.add_route("*", "/{path:.*}", door.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, kube.host, 0)
    await site.start()
    try:
        door.host = f"{kube.host}:{runner.addresses[0][1]}"
        yield door
    finally:
        await runner.cleanup()


def is_of_consumer(request: web.Request) -> bool:
    """Return whether a request is of this service: pods have other clients."""
    return "aiohttp" in request.headers.get("User-Agent", "")


async def waiting(builder: Builder, build: Build) -> Running:
    """Wait until something is in the way of a build that ran."""
    while True:
        seen = (await builder.observe([build]))[build.id]
        assert isinstance(seen, Running), seen
        if seen.hindrance is not None:
            return seen
        await builder.changed()
