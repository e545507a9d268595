"""GitLab's log of a hook's events, and sending them again.

https://docs.gitlab.com/api/project_webhooks/#list-project-webhook-events
"""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import gitlab_found as found, gitlab_pages as pages
from tests.support.forge.answers import ApiError
from tests.support.forge.deliveries import Delivery
from tests.support.forge.hooks import Hook

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

KEPT: Final = timedelta(days=7)
RESENDS: Final = 5
"""In a minute."""
_MINUTE: Final = timedelta(minutes=1)


class EventResources:
    """Shows what was sent, and sends it again."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge
        self._resent: list[datetime] = []

    async def listed(self, request: web.Request) -> web.Response:
        """The newest first."""
        wanted = request.query.get("status")
        known = [
            delivery
            for delivery in self._kept(self._hook(request))
            if _is(delivery, wanted)
        ]
        return pages.numbered(request, known, _event)

    async def resend(self, request: web.Request) -> web.Response:
        """Send the same body by the same key, and tell the answer."""
        number = int(request.match_info["event"])
        known = {delivery.id: delivery for delivery in self._kept(self._hook(request))}
        if number not in known:
            raise ApiError(404, "404 Not found")
        self._ration()
        copy = self._forge.courier.again(known[number])
        await self._forge.settled()
        status = copy.status if copy else 0
        if status == 0:
            raise ApiError(422, "internal error")
        return web.json_response({"response_status": status}, status=201)

    def _ration(self) -> None:
        now = self._forge.clock.now()
        self._resent = [instant for instant in self._resent if now - instant < _MINUTE]
        if len(self._resent) >= RESENDS:
            message = (
                "This endpoint has been requested too many times. Try again later."
            )
            raise ApiError(429, message, headers={"Retry-After": "60"})
        self._resent.append(now)

    def _hook(self, request: web.Request) -> Hook:
        repo = found.project(self._forge, request, to_manage=True)
        hook = self._forge.hooks.find(int(request.match_info["hook"]))
        if hook is None or hook.repository != repo.number:
            raise ApiError(404, "404 Not found")
        return hook

    def _kept(self, hook: Hook) -> list[Delivery]:
        oldest = self._forge.clock.now() - KEPT
        known = self._forge.courier.sent_to(hook)
        return [delivery for delivery in known if delivery.delivered_at >= oldest]


def _is(it: Delivery, wanted: str | None) -> bool:
    match wanted:
        case None:
            return True
        case "successful":
            return 200 <= it.status < 300
        case "client_failure":
            return 400 <= it.status < 500
        case "server_failure":
            return 500 <= it.status < 600
        case _:
            return str(it.status) == wanted


def _event(it: Delivery) -> dict[str, Any]:
    trigger = "tag_push_hooks" if it.event.startswith("Tag") else "push_hooks"
    hidden = {"X-Gitlab-Token": "[REDACTED]"}
    shown = {name: hidden.get(name, value) for name, value in it.headers.items()}
    return {
        "id": it.id,
        "url": it.url,
        "trigger": trigger,
        "request_headers": shown,
        "request_data": json.loads(it.body),
        "response_headers": dict(it.answer_headers),
        "response_body": it.answer,
        "execution_duration": it.duration,
        "response_status": str(it.status) if it.status else "internal error",
    }
