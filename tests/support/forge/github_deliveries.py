"""GitHub's log of a hook's deliveries, and redelivery.

https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook
"""

import json
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import github_found as found
from tests.support.forge.answers import ApiError, links, whole, zulu
from tests.support.forge.deliveries import Delivery
from tests.support.forge.hooks import Hook

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

KEPT: Final = timedelta(days=3)


class DeliveryResources:
    """Shows what was delivered, and delivers it again."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def listed(self, request: web.Request) -> web.Response:
        """The newest first; the cursor says where to go on."""
        hook = self._hook(request)
        size = min(max(whole(request.query.get("per_page"), 30), 1), 100)
        known = [
            delivery
            for delivery in self._kept(hook)
            if _is(delivery, request.query.get("status"))
        ]
        cursor = request.query.get("cursor", "")
        if cursor:
            start = whole(cursor.removeprefix("v1_"), 0)
            known = [delivery for delivery in known if delivery.id < start]
        headers = {}
        if len(known) > size:
            rels = {"next": {"cursor": f"v1_{known[size - 1].id}"}}
            headers["Link"] = links(request, rels)
        return web.json_response(
            [_item(delivery) for delivery in known[:size]], headers=headers
        )

    async def one(self, request: web.Request) -> web.Response:
        return web.json_response(_full(self._delivery(request)))

    async def again(self, request: web.Request) -> web.Response:
        """Deliver once more, by the same GUID, where the hook points now."""
        self._forge.courier.again(self._delivery(request))
        return web.json_response({}, status=202)

    def _hook(self, request: web.Request) -> Hook:
        repo = found.repository(self._forge, request, to_write=True)
        hook = self._forge.hooks.find(int(request.match_info["hook"]))
        if hook is None or hook.repository != repo.number:
            raise ApiError(404, "Not Found")
        return hook

    def _delivery(self, request: web.Request) -> Delivery:
        number = int(request.match_info["delivery"])
        for delivery in self._kept(self._hook(request)):
            if delivery.id == number:
                return delivery
        raise ApiError(404, "Not Found")

    def _kept(self, hook: Hook) -> list[Delivery]:
        oldest = self._forge.clock.now() - KEPT
        known = self._forge.courier.sent_to(hook)
        return [delivery for delivery in known if delivery.delivered_at >= oldest]


def _is(delivery: Delivery, wanted: str | None) -> bool:
    match wanted:
        case "success":
            return delivery.has_succeeded
        case "failure":
            return not delivery.has_succeeded
        case _:
            return True


def _item(it: Delivery) -> dict[str, Any]:
    return {
        "id": it.id,
        "guid": it.guid,
        "delivered_at": zulu(it.delivered_at),
        "redelivery": it.is_redelivery,
        "duration": it.duration,
        "status": _status(it),
        "status_code": it.status,
        "event": it.event,
        "action": it.action,
        "installation_id": None,
        "repository_id": it.repository,
        "throttled_at": None,
    }


def _status(it: Delivery) -> str:
    if it.has_succeeded:
        return "OK"
    if it.status == 0:
        return "failed to connect to host"
    return f"Invalid HTTP Response: {HTTPStatus(it.status).value}"


def _full(it: Delivery) -> dict[str, Any]:
    return _item(it) | {
        "url": it.url,
        "request": {"headers": dict(it.headers), "payload": json.loads(it.body)},
        "response": {"headers": dict(it.answer_headers), "payload": it.answer},
    }
