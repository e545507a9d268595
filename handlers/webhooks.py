"""Where forges deliver: `POST /webhooks/<forge>/<hook id>`."""

from http import HTTPStatus

from aiohttp import web

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
    async with request.app[BODIES].body(request) as body:
        delivery = Delivery(
            headers=_headers(request),
            body=body,
            received_at=request.app[CLOCK].now(),
        )
        hook_id = request.match_info["hook_id"]
        receipt = await request.app[RECEIVER].receive(forge, hook_id, delivery)
    return web.json_response(receipt.to_json(), status=HTTPStatus.ACCEPTED)


def _headers(request: web.Request) -> dict[str, tuple[str, ...]]:
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in request.headers.items():
        headers[name.lower()] = (*headers.get(name.lower(), ()), value)
    return headers
