"""Webhooks: how they fare, what they delivered, and what became of it."""

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
from handlers.page.paging import Paging
from handlers.page.views.hook_parts import (
    hook_id_of,
    hook_stream_url,
    render_hook,
)
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.domain.rights.caller import MemberRole

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


async def list_hooks(request: web.Request) -> web.Response:
    """List the webhooks of repositories that the person edits."""
    visible = caller_of(request).filter(MemberRole.EDITOR)
    async with request.app[STORE].reading() as tx:
        hooks = await tx.hooks.list(Paging.of(request).wanted, visible=visible)
        shown = await request.app[HOOK_DESCRIBER].describe(tx, hooks)
    paging = Paging.of(request, total=hooks.total)
    return show(request, "hooks.html", hooks=shown, paging=paging)


async def show_hook(request: web.Request) -> web.Response:
    """Show a webhook with its last deliveries."""
    hook_id = hook_id_of(request)
    hook, parts = await render_hook(request, hook_id)
    return show(
        request,
        "hook.html",
        hook=hook,
        parts=parts,
        stream=hook_stream_url(hook_id, parts),
    )


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
    _, parts = await render_hook(request, outcome.hook.id)
    return show(
        request,
        "connected.html",
        launcher=None,
        hook=hook,
        parts=parts,
        stream=hook_stream_url(outcome.hook.id, parts),
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


def _to(hook_id: HookId) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/hooks/{hook_id}"})
