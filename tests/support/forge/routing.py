"""Routes, with the HEAD of every GET."""

from collections.abc import Iterable

from aiohttp import web

from tests.support.forge.door import Handler


def add_all(
    router: web.UrlDispatcher, base: str, routes: Iterable[tuple[str, str, Handler]]
) -> None:
    for method, path, handler in routes:
        router.add_route(method, base + path, handler)
        if method == "GET":
            router.add_route("HEAD", base + path, handler)


async def nothing(request: web.Request) -> web.StreamResponse:
    """Answer that there is no such resource."""
    del request
    raise web.HTTPNotFound
