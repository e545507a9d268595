"""Connect the webhook of a launcher's repository, and see its first delivery come."""

from aiohttp import web

from handlers.app_keys import AUTHORIZER, HOOK_DESCRIBER, HOOKS, STORE
from handlers.auth import caller_of, normalize_id
from handlers.page.context import field, show, surroundings
from handlers.page.live import UPDATES, Parts, digest_of, send_parts
from handlers.page.rendering import RENDERER
from handlers.page.views.launcher import launcher_id_of
from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId
from service.domain.launcher import Launcher
from service.domain.repository import Repository
from service.domain.rights.caller import Caller, MemberRole
from service.domain.source import Source
from service.errors import InvalidRequestError
from service.forges.registry import FORGES
from service.ports.store import PageRequest, Transaction

__all__ = [
    "connect_launcher",
    "hook_id_of",
    "hook_parts",
    "show_connect",
    "stream_hook",
]

_MOST = 500
"""How many hooks are looked through for those of one repository."""


async def show_connect(request: web.Request) -> web.Response:
    """Show whether a webhook delivers pushes, and offer to make one."""
    async with request.app[STORE].reading() as tx:
        launcher, source = await _followed(tx, request)
        hooks = await _hooks_of(tx, source.repository, caller_of(request))
        shown = await request.app[HOOK_DESCRIBER].describe(tx, hooks)
    return show(
        request,
        "connect.html",
        launcher=launcher,
        source=source,
        hooks=list(shown),
        forges=list(FORGES),
    )


async def connect_launcher(request: web.Request) -> web.Response:
    """Make the webhook: at the forge where a token allows it, else show what to paste.

    The answer is the page itself: it holds the secret, which is shown this once.
    """
    async with request.app[STORE].reading() as tx:
        launcher, source = await _followed(tx, request)
    await request.app[AUTHORIZER].check_repository(
        caller_of(request), source.repository
    )
    try:
        outcome = await request.app[HOOKS].add(
            source.repository.url, forge=await _forge(request)
        )
    except InvalidRequestError as exc:
        return show(
            request,
            "connect.html",
            status=422,
            launcher=launcher,
            source=source,
            hooks=[],
            forges=list(FORGES),
            problem=_in_form(str(exc)),
        )
    async with request.app[STORE].reading() as tx:
        hook = await request.app[HOOK_DESCRIBER].describe_new(tx, outcome)
    parts = await hook_parts(request, outcome.hook.id)
    return show(
        request,
        "connected.html",
        launcher=launcher,
        hook=hook,
        parts=parts,
        stream=f"/live/hooks/{outcome.hook.id}?seen={digest_of(parts)}",
    )


async def stream_hook(request: web.Request) -> web.StreamResponse:
    """Send the state of a webhook again whenever it changed."""
    hook_id = hook_id_of(request)

    async def render() -> tuple[Parts, bool]:
        return await hook_parts(request, hook_id), True

    return await send_parts(request, request.app[UPDATES], render)


def hook_id_of(request: web.Request) -> HookId:
    """Return the webhook that the path names."""
    return HookId(normalize_id(request.match_info["hook_id"]))


async def hook_parts(request: web.Request, hook_id: HookId) -> Parts:
    """Render the state of a webhook."""
    async with request.app[STORE].reading() as tx:
        hook = await tx.hooks.get(hook_id)
        (shown,) = await request.app[HOOK_DESCRIBER].describe(tx, [hook])
    markup = request.app[RENDERER].text(
        "hook_state.html", hook=shown, **surroundings(request)
    )
    return {"hook": markup}


async def _forge(request: web.Request) -> Forge | None:
    """Return the forge that the person named; None for what the host shows."""
    named = await field(request, "forge", longest=40)
    return next((forge for forge in FORGES if forge.value == named), None)


def _in_form(message: str) -> str:
    """Return a refusal for whoever sees the form, and no JSON."""
    return message.partition("; expected")[0] + "; choose it below."


async def _followed(tx: Transaction, request: web.Request) -> tuple[Launcher, Source]:
    launcher = await tx.launchers.get(launcher_id_of(request))
    return launcher, await tx.sources.get(launcher.tracked_source)


async def _hooks_of(
    tx: Transaction, repository: Repository, caller: Caller
) -> list[Hook]:
    hooks = await tx.hooks.list(
        PageRequest(offset=0, limit=_MOST), visible=caller.filter(MemberRole.EDITOR)
    )
    return [hook for hook in hooks if hook.repository.is_same(repository)]
