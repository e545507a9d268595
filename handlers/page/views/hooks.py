"""Webhooks: how they fare, what they delivered, and what became of it."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from handlers.app_keys import (
    HOOK_DESCRIBER,
    HOOK_MAINTAINER,
    HOOKS,
    REPLAYER,
    STORE,
)
from handlers.auth import caller_of
from handlers.page.context import show
from handlers.page.live import digest_of
from handlers.page.views.connect import hook_id_of, hook_parts
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.domain.rights.caller import MemberRole
from service.ports.store import DeliveryRecord, PageRequest

__all__ = [
    "check_hook",
    "list_hooks",
    "remove_hook",
    "replay_delivery",
    "retire_secret",
    "rotate_secret",
    "show_hook",
    "test_hook",
]

_SHOWN: Final = PageRequest(offset=0, limit=200)
_DELIVERIES: Final = 30


async def list_hooks(request: web.Request) -> web.Response:
    """List the webhooks of repositories that the person edits."""
    visible = caller_of(request).filter(MemberRole.EDITOR)
    async with request.app[STORE].reading() as tx:
        hooks = await tx.hooks.list(_SHOWN, visible=visible)
        shown = await request.app[HOOK_DESCRIBER].describe(tx, hooks)
    return show(request, "hooks.html", hooks=list(shown), total=hooks.total)


async def show_hook(request: web.Request) -> web.Response:
    """Show a webhook with its last deliveries."""
    return await _show(request, hook_id_of(request))


async def check_hook(request: web.Request) -> web.Response:
    """Check a webhook now, and repair it at its forge where a token allows it."""
    hook = await request.app[HOOK_MAINTAINER].check(hook_id_of(request))
    return _to(hook.id)


async def test_hook(request: web.Request) -> web.Response:
    """Have the forge deliver something now."""
    await request.app[HOOKS].send_test(hook_id_of(request))
    return _to(hook_id_of(request))


async def rotate_secret(request: web.Request) -> web.Response:
    """Give a webhook a second secret, which this answer alone shows."""
    outcome = await request.app[HOOKS].rotate_secret(hook_id_of(request))
    async with request.app[STORE].reading() as tx:
        hook = await request.app[HOOK_DESCRIBER].describe_new(tx, outcome)
    parts = await hook_parts(request, outcome.hook.id)
    return show(
        request,
        "connected.html",
        launcher=None,
        hook=hook,
        parts=parts,
        stream=f"/live/hooks/{outcome.hook.id}?seen={digest_of(parts)}",
    )


async def retire_secret(request: web.Request) -> web.Response:
    """Drop the older secret of a webhook."""
    hook = await request.app[HOOKS].retire_secret(hook_id_of(request))
    return _to(hook.id)


async def remove_hook(request: web.Request) -> web.Response:
    """Remove a webhook, at its forge too where a token allows it."""
    await request.app[HOOKS].remove(hook_id_of(request))
    return web.Response(status=303, headers={"Location": "/hooks"})


async def replay_delivery(request: web.Request) -> web.Response:
    """Evaluate a recorded delivery again, as if it came now."""
    delivery_id = DeliveryId(request.match_info["delivery_id"])
    async with request.app[STORE].reading() as tx:
        record = await tx.deliveries.get(delivery_id)
        hook = await tx.hooks.get(record.hook_id)
    await request.app[REPLAYER].replay(record, hook)
    return _to(hook.id)


async def _show(request: web.Request, hook_id: HookId) -> web.Response:
    async with request.app[STORE].reading() as tx:
        hook = await tx.hooks.get(hook_id)
        (shown,) = await request.app[HOOK_DESCRIBER].describe(tx, [hook])
        records: Sequence[DeliveryRecord] = await tx.deliveries.list(
            hook=hook_id, limit=_DELIVERIES, visible=caller_of(request).filter()
        )
    parts = await hook_parts(request, hook_id)
    context: dict[str, Any] = {
        "hook": shown,
        "deliveries": records,
        "parts": parts,
        "stream": f"/live/hooks/{hook_id}?seen={digest_of(parts)}",
    }
    return show(request, "hook.html", **context)


def _to(hook_id: HookId) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/hooks/{hook_id}"})
