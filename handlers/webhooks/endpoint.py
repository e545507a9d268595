"""Where forges deliver: `POST /webhooks/<forge>/<hook id>`."""

from aiohttp import web
from msgspec.json import encode

from handlers.app_keys import BODIES, CLOCK, RECEIVER
from handlers.route import ACCEPTED, Handler
from handlers.webhooks.body import MAX_BODY
from service.domain.delivery import Delivery, Forge
from service.forges.registry import FORGES

__all__ = ["MAX_BODY", "receiver_of"]


def receiver_of(forge: Forge) -> Handler:
    """Make the handler of a forge's deliveries."""

    async def receive(request: web.Request) -> web.Response:
        return await _receive(forge, request)

    # The API document is made from these.
    receive.__name__ = f"receive_from_{forge.value}"
    receive.__doc__ = f"Take one delivery of {FORGES[forge].name}."
    return receive


async def _receive(forge: Forge, request: web.Request) -> web.Response:
    bodies = request.app[BODIES]
    if (here := bodies.ready(request)) is not None:
        return await _take(forge, request, here)
    async with bodies.body(request) as body:
        return await _take(forge, request, body)


async def _take(forge: Forge, request: web.Request, body: bytes) -> web.Response:
    app = request.app
    # The moment when it is whole: what is known of its hook must be fresh then.
    # `received_at` is what the authenticator's cache is asked with. Taken before a slow
    # body was read, it would accept a hook that was revoked meanwhile.
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
