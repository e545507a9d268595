"""Webhooks that users configure."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from handlers import forge_side
from handlers.answering import nothing, page_of, paged, tell
from handlers.forge_side import Done
from handlers.hook_card import Seen, card, new_card
from handlers.hook_secrets import forge_of, new_secret, proof_of
from handlers.keys import CLOCK, FORGE_HOOKS, IDS, PUBLIC_URL, RECEIVER, STORE
from handlers.reading import named, read_body
from handlers.shapes.hooks import HookPost, HookTold
from service.domain.hook import Hook, HookId, Reach, place
from service.domain.repository import Repository
from service.errors import ConflictError
from service.ports.store import DeliveryRecord, Transaction

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
    asked = await read_body(request, HookPost)
    reach = Reach(asked.reach)
    repository = place(asked.repository, reach)
    forge = forge_of(repository, asked.forge)
    proof = proof_of(forge, asked.proof)
    hook = Hook(
        id=HookId(request.app[IDS].new()),
        forge=forge,
        proof=proof,
        repository=repository,
        secrets=(new_secret(proof),),
        created_at=request.app[CLOCK].now(),
        reach=reach,
    )
    async with request.app[STORE].transaction() as tx:
        hook = replace(hook, repository=await _known(tx, repository, reach))
        await tx.hooks.add(hook)
    done = Done(hook=hook, is_done=False)
    if not asked.paste:
        is_any = asked.proof is None
        done = await forge_side.make(request.app, hook, is_any_proof=is_any)
    return await _tell_new(request, done, status=HTTPStatus.CREATED)


async def list_hooks(request: web.Request) -> web.Response:
    """List webhooks with their newest delivery; secrets are never shown."""
    wanted = page_of(request)
    async with request.app[STORE].reading() as tx:
        hooks = await tx.hooks.list(wanted)
        newest = await tx.deliveries.newest(hook.id for hook in hooks)
    cards = [card(hook, _state(request, hook, newest.get(hook.id))) for hook in hooks]
    return paged(request, wanted, cards, hooks.total)


async def show_hook(request: web.Request) -> web.Response:
    """Show a webhook; its secret is not shown."""
    async with request.app[STORE].reading() as tx:
        hook = await tx.hooks.get(_id(request))
        return tell(await _told(request, tx, hook))


async def check_hook(request: web.Request) -> web.Response:
    """Look after a webhook now, and mend it at its forge where a token allows it."""
    hook = await forge_side.nurse_of(request.app).look_after(_id(request))
    async with request.app[STORE].reading() as tx:
        return tell(await _told(request, tx, hook))


async def test_hook(request: web.Request) -> web.Response:
    """Have the forge deliver something now: GitHub a ping, GitLab a sample push.

    409 where no token may ask it to.
    """
    async with request.app[STORE].reading() as tx:
        hook = await tx.hooks.get(_id(request))
    if not forge_side.is_managed(request.app, hook) or hook.forge_id is None:
        raise ConflictError(
            "No token may ask the forge to deliver; press Redeliver (GitHub) or Test "
            "(GitLab) on the webhook's page there."
        )
    await request.app[FORGE_HOOKS].test(hook)
    return nothing()


async def rotate_secret(request: web.Request) -> web.Response:
    """Give a webhook a second secret; both live until the older one is retired.

    The forge is given it where a token allows that. 409 while two live: nobody can
    tell which of them the forge uses.
    """
    async with request.app[STORE].transaction() as tx:
        hook = await tx.hooks.get(_id(request))
        if len(hook.secrets) > 1:
            raise ConflictError(
                "Two secrets are live; retire the older one before you rotate again."
            )
        hook = replace(
            hook,
            secrets=(new_secret(hook.proof), *hook.secrets),
            rotated_at=request.app[CLOCK].now(),
        )
        await tx.hooks.save(hook)
    return await _tell_new(request, await forge_side.renew(request.app, hook))


async def retire_secret(request: web.Request) -> web.Response:
    """Drop the older secret of a webhook.

    Once this is answered every receiver takes the newest only.
    """
    async with request.app[STORE].transaction() as tx:
        hook = await tx.hooks.get(_id(request))
        if len(hook.secrets) == 1:
            raise ConflictError("Only one secret is live; rotate it first.")
        hook = replace(hook, secrets=hook.secrets[:1])
        await tx.hooks.save(hook)
        told = await _told(request, tx, hook)
    await request.app[RECEIVER].revoke(hook.id)
    return tell(told)


async def remove_hook(request: web.Request) -> web.Response:
    """Remove a webhook, at its forge too where a token allows it.

    Once this is answered every receiver refuses its deliveries.
    """
    async with request.app[STORE].transaction() as tx:
        hook = await tx.hooks.get(_id(request))
        await tx.hooks.remove(hook.id)
    await request.app[RECEIVER].revoke(hook.id)
    await forge_side.let_go(request.app, hook)
    return nothing()


async def _tell_new(
    request: web.Request, done: Done, *, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    async with request.app[STORE].reading() as tx:
        seen = await _seen(request, tx, done.hook)
    told = new_card(done.hook, seen, is_done=done.is_done, trouble=done.trouble)
    return tell(told, status=status)


async def _told(request: web.Request, tx: Transaction, hook: Hook) -> HookTold:
    return card(hook, await _seen(request, tx, hook))


async def _seen(request: web.Request, tx: Transaction, hook: Hook) -> Seen:
    newest = await tx.deliveries.list(hook=hook.id, limit=1)
    return _state(request, hook, newest[0] if newest else None)


def _state(request: web.Request, hook: Hook, last: DeliveryRecord | None) -> Seen:
    return Seen(
        last=last,
        public_url=request.app[PUBLIC_URL],
        is_managed=forge_side.is_managed(request.app, hook),
    )


async def _known(tx: Transaction, repository: Repository, reach: Reach) -> Repository:
    """Return a repository with the number that looks have found for its name."""
    if reach is not Reach.REPOSITORY:
        return repository
    found = {
        it.repository.number
        for it in await tx.sources.of_repository(repository)
        if it.repository.number is not None
    }
    return replace(repository, number=found.pop()) if len(found) == 1 else repository


def _id(request: web.Request) -> HookId:
    return HookId(named(request, "hook_id", what="Hook"))
