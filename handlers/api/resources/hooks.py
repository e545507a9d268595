"""Webhooks that users configure."""

from http import HTTPStatus

from aiohttp import web

from handlers.api.access import check_binding
from handlers.api.cursors import last_of
from handlers.api.requests import named, read_body, read_query
from handlers.api.responses import json_response, no_content, page_of, paginated
from handlers.api.schemas.hooks import HookRequest
from handlers.api.schemas.service import CursorQuery
from handlers.app_keys import (
    HOOK_DESCRIBER,
    HOOK_MAINTAINER,
    HOOKS,
    REPOSITORIES,
    STORE,
)
from handlers.auth import caller_of
from service.domain.hook import Hook, HookId, Reach
from service.domain.rights.caller import MemberRole
from service.ports.store import Transaction
from service.usecases.hooks import ForgeOutcome

__all__ = [
    "add_hook",
    "check_hook",
    "list_hooks",
    "remove_hook",
    "retire_secret",
    "rotate_secret",
    "show_hook",
    "test_hook",
]


async def add_hook(request: web.Request) -> web.Response:
    """Add a webhook, at its forge too where a token allows it.

    Otherwise the answer says what to paste where; the secret is shown in this answer
    and never again.
    """
    asked = await read_body(request, HookRequest)
    await check_binding(request, asked.repository, Reach(asked.reach))
    await request.app[REPOSITORIES].check_folder(asked.repository)
    outcome = await request.app[HOOKS].add(
        asked.repository,
        reach=Reach(asked.reach),
        forge=asked.forge,
        proof=asked.proof,
        is_pasted=asked.paste,
    )
    return await _answer_new(request, outcome, status=HTTPStatus.CREATED)


async def list_hooks(request: web.Request) -> web.Response:
    """List webhooks with their newest delivery; secrets are never shown."""
    wanted = page_of(request, read_query(request, CursorQuery))
    async with request.app[STORE].reading() as tx:
        hooks = await tx.hooks.list(
            wanted, visible=caller_of(request).filter(MemberRole.EDITOR)
        )
        shown = await request.app[HOOK_DESCRIBER].describe(tx, hooks)
    return paginated(request, wanted, shown, hooks.total, last=last_of(hooks.items))


async def show_hook(request: web.Request) -> web.Response:
    """Show a webhook; its secret is not shown."""
    async with request.app[STORE].reading() as tx:
        return await _answer(request, tx, await tx.hooks.get(_id(request)))


async def check_hook(request: web.Request) -> web.Response:
    """Check a webhook now, and repair it at its forge where a token allows it."""
    hook = await request.app[HOOK_MAINTAINER].check(_id(request))
    async with request.app[STORE].reading() as tx:
        return await _answer(request, tx, hook)


async def test_hook(request: web.Request) -> web.Response:
    """Have the forge deliver something now: GitHub a ping, GitLab a sample push.

    409 where no token may ask it to.
    """
    await request.app[HOOKS].send_test(_id(request))
    return no_content()


async def rotate_secret(request: web.Request) -> web.Response:
    """Give a webhook a second secret; both live until the older one is retired.

    The forge is given it where a token allows that. 409 while two live: nobody can
    tell which of them the forge uses.
    """
    outcome = await request.app[HOOKS].rotate_secret(_id(request))
    return await _answer_new(request, outcome)


async def retire_secret(request: web.Request) -> web.Response:
    """Drop the older secret of a webhook.

    Once this is answered every receiver takes the newest only.
    """
    hook = await request.app[HOOKS].retire_secret(_id(request))
    async with request.app[STORE].reading() as tx:
        return await _answer(request, tx, hook)


async def remove_hook(request: web.Request) -> web.Response:
    """Remove a webhook, at its forge too where a token allows it.

    Once this is answered every receiver refuses its deliveries.
    """
    await request.app[HOOKS].remove(_id(request))
    return no_content()


async def _answer(request: web.Request, tx: Transaction, hook: Hook) -> web.Response:
    (shown,) = await request.app[HOOK_DESCRIBER].describe(tx, [hook])
    return json_response(shown)


async def _answer_new(
    request: web.Request, outcome: ForgeOutcome, *, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    async with request.app[STORE].reading() as tx:
        shown = await request.app[HOOK_DESCRIBER].describe_new(tx, outcome)
    return json_response(shown, status=status)


def _id(request: web.Request) -> HookId:
    return HookId(named(request, "hook_id", what="Hook"))
