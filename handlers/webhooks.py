"""Where forges deliver: `POST /webhooks/<forge>/<hook id>`."""

from aiohttp import web
from msgspec.json import encode

from handlers.bodies import MAX_BODY
from handlers.keys import BODIES, CLOCK, RECEIVER
from handlers.route import ACCEPTED
from service.domain.delivery import Delivery, Forge

__all__ = ["MAX_BODY", "receive_from_github", "receive_from_gitlab"]


async def receive_from_github(request: web.Request) -> web.Response:
    """Take one delivery of GitHub."""
    return await _receive(Forge.GITHUB, request)


async def receive_from_gitlab(request: web.Request) -> web.Response:
    """Take one delivery of GitLab."""
    return await _receive(Forge.GITLAB, request)


async def _receive(forge: Forge, request: web.Request) -> web.Response:
    bodies = request.app[BODIES]
    if (here := bodies.ready(request)) is not None:
        return await _take(forge, request, here)
    async with bodies.body(request) as body:
        return await _take(forge, request, body)


async def _take(forge: Forge, request: web.Request, body: bytes) -> web.Response:
    app = request.app
    # The moment when it is whole: what is known of its hook must be fresh then.
    delivery = Delivery(
        headers=request.headers, body=body, received_at=app[CLOCK].now()
    )
    hook_id = request.match_info["hook_id"]
    receipt = await app[RECEIVER].receive(forge, hook_id, delivery)
    return web.Response(
        body=encode(receipt),
        status=ACCEPTED,
        content_type="application/json",
        charset="utf-8",
    )
