"""Connect the webhook of a launcher's repository, and see its first delivery come."""

from aiohttp import web

from handlers.app_keys import AUTHORIZER, HOOK_DESCRIBER, HOOKS, STORE
from handlers.auth import caller_of
from handlers.page.context import field, show
from handlers.page.views.hook_parts import hook_stream_url, render_hook
from handlers.page.views.launcher import launcher_id_of
from service.domain.delivery import Forge
from service.domain.hook import Hook, Reach
from service.domain.launcher import Launcher
from service.domain.repository import Repository
from service.domain.rights.caller import MemberRole
from service.domain.rights.decision import Subject
from service.domain.source import Source
from service.errors import InvalidRequestError
from service.forges.registry import FORGES
from service.ports.store import Transaction

__all__ = ["connect_launcher", "show_connect"]


async def show_connect(request: web.Request) -> web.Response:
    """Show whether a webhook delivers pushes, and offer to make one."""
    async with request.app[STORE].reading() as tx:
        launcher, source = await _followed(tx, request)
        hook, is_visible = await _telling(tx, request, source.repository)
        shown = await request.app[HOOK_DESCRIBER].describe(tx, [hook] if hook else [])
    return show(
        request,
        "connect.html",
        launcher=launcher,
        source=source,
        hook=shown[0] if shown else None,
        is_visible=is_visible,
        forges=list(FORGES),
        mistakes={},
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
            hook=None,
            forges=list(FORGES),
            mistakes={"forge": _in_form(str(exc))},
        )
    async with request.app[STORE].reading() as tx:
        hook = await request.app[HOOK_DESCRIBER].describe_new(tx, outcome)
    _, parts = await render_hook(request, outcome.hook.id)
    return show(
        request,
        "connected.html",
        launcher=launcher,
        hook=hook,
        parts=parts,
        stream=hook_stream_url(outcome.hook.id, parts),
    )


async def _forge(request: web.Request) -> Forge | None:
    """Return the forge that the person named; None for what the host shows."""
    named = await field(request, "forge", longest=40)
    return next((forge for forge in FORGES if forge.value == named), None)


def _in_form(message: str) -> str:
    """Return a refusal for whoever sees the form, and no JSON."""
    return message.partition("; expected")[0] + "; choose it here."


async def _followed(tx: Transaction, request: web.Request) -> tuple[Launcher, Source]:
    launcher = await tx.launchers.get(launcher_id_of(request))
    return launcher, await tx.sources.get(launcher.tracked_source)


async def _telling(
    tx: Transaction, request: web.Request, repository: Repository
) -> tuple[Hook | None, bool]:
    """Return a hook that tells of a repository, and whether the person may see it."""
    covering = [
        hook
        for hook in await tx.hooks.of_repository(repository)
        if hook.covers(repository)
    ]
    caller, authorizer = caller_of(request), request.app[AUTHORIZER]
    sees_all = caller.filter(MemberRole.EDITOR).is_everything
    for hook in covering:
        if sees_all or await authorizer.has_role(
            tx, caller, MemberRole.EDITOR, Subject.HOOK, hook.id
        ):
            return hook, True
    # That of an owner or a host tells of it for everybody; one of the repository is for
    # whoever is linked to it.
    wide = (hook for hook in covering if hook.reach is not Reach.REPOSITORY)
    return next(wide, None), False
