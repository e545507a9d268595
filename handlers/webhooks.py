"""Where forges deliver: `POST /webhooks/<forge>/<hook id>`."""

from aiohttp import web
from msgspec.json import encode

from handlers.bodies import MAX_BODY
from handlers.keys import BODIES, CLOCK, RECEIVER
from handlers.receipt import Receipt
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
    app = request.app
    receiver, bodies = app[RECEIVER], app[BODIES]
    hook_id, now = request.match_info["hook_id"], app[CLOCK].now()
    if (here := bodies.ready(request)) is not None:
        delivery = Delivery(headers=request.headers, body=here, received_at=now)
        return _answer(await receiver.receive(forge, hook_id, delivery))
    async with bodies.body(request) as body:
        delivery = Delivery(headers=request.headers, body=body, received_at=now)
        return _answer(await receiver.receive(forge, hook_id, delivery))


def _answer(receipt: Receipt) -> web.Response:
    return web.Response(
        body=encode(receipt),
        status=ACCEPTED,
        content_type="application/json",
        charset="utf-8",
    )
