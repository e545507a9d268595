"""Where forges deliver: `POST /webhooks/<forge>/<hook id>`."""

from http import HTTPStatus

from aiohttp import web
from pydantic_core import to_json

from handlers.bodies import MAX_BODY
from handlers.keys import BODIES, CLOCK, RECEIVER
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
    delivery = Delivery(
        headers=_headers(request),
        body=body,
        received_at=request.app[CLOCK].now(),
    )
    hook_id = request.match_info["hook_id"]
    receipt = await request.app[RECEIVER].receive(forge, hook_id, delivery)
    return web.Response(
        body=to_json(receipt.to_json()),
        status=HTTPStatus.ACCEPTED,
        content_type="application/json",
        charset="utf-8",
    )


def _headers(request: web.Request) -> dict[str, tuple[str, ...]]:
    sent = request.headers
    once: dict[str, tuple[str, ...]]
    once = {name.lower(): (value,) for name, value in sent.items()}
    if len(once) == len(sent):
        return once
    return {name: tuple(sent.getall(name)) for name in once}
