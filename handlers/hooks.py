"""Webhooks that users configure."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from handlers.answering import nothing, paged, tell
from handlers.hook_card import card, new_card
from handlers.hook_secrets import forge_of, new_secret, proof_of
from handlers.keys import CLOCK, IDS, PUBLIC_URL, STORE
from handlers.reading import named, read_body
from handlers.shapes.hooks import HookPost, HookTold
from service.domain.hook import Hook, HookId
from service.domain.repository import Repository
from service.errors import ConflictError
from service.ports.store import DeliveryRecord, Transaction

__all__ = [
    "add_hook",
    "list_hooks",
    "remove_hook",
    "retire_secret",
    "rotate_secret",
    "show_hook",
]


async def add_hook(request: web.Request) -> web.Response:
    """Add a webhook; its secret is shown in this answer and never again."""
    asked = await read_body(request, HookPost)
    repository = Repository.from_url(asked.repository)
    forge = forge_of(repository, asked.forge)
    proof = proof_of(forge, asked.proof)
    hook = Hook(
        id=HookId(request.app[IDS].new()),
        forge=forge,
        proof=proof,
        repository=repository,
        secrets=(new_secret(proof),),
        created_at=request.app[CLOCK].now(),
    )
    async with request.app[STORE].transaction() as tx:
        await tx.hooks.add(hook)
    told = new_card(hook, None, request.app[PUBLIC_URL])
    return tell(told, status=HTTPStatus.CREATED)


async def list_hooks(request: web.Request) -> web.Response:
    """List webhooks with their newest delivery; secrets are never shown."""
    async with request.app[STORE].reading() as tx:
        hooks = await tx.hooks.list()
        return paged(request, [await _told(request, tx, it) for it in hooks])


async def show_hook(request: web.Request) -> web.Response:
    """Show a webhook; its secret is not shown."""
    async with request.app[STORE].reading() as tx:
        hook = await tx.hooks.get(_id(request))
        return tell(await _told(request, tx, hook))


async def rotate_secret(request: web.Request) -> web.Response:
    """Give a webhook a second secret; both live until the older one is retired.

    409 while two live: nobody can tell which of them the forge uses.
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
        last = await _last(tx, hook)
    return tell(new_card(hook, last, request.app[PUBLIC_URL]))


async def retire_secret(request: web.Request) -> web.Response:
    """Drop the older secret of a webhook; only the newest is taken from now on."""
    async with request.app[STORE].transaction() as tx:
        hook = await tx.hooks.get(_id(request))
        if len(hook.secrets) == 1:
            raise ConflictError("Only one secret is live; rotate it first.")
        hook = replace(hook, secrets=hook.secrets[:1])
        await tx.hooks.save(hook)
        return tell(await _told(request, tx, hook))


async def remove_hook(request: web.Request) -> web.Response:
    """Remove a webhook; its deliveries are refused from now on."""
    async with request.app[STORE].transaction() as tx:
        hook = await tx.hooks.get(_id(request))
        await tx.hooks.remove(hook.id)
    return nothing()


async def _told(request: web.Request, tx: Transaction, hook: Hook) -> HookTold:
    return card(hook, await _last(tx, hook), request.app[PUBLIC_URL])


async def _last(tx: Transaction, hook: Hook) -> DeliveryRecord | None:
    newest: Sequence[DeliveryRecord] = await tx.deliveries.list(hook=hook.id, limit=1)
    return newest[0] if newest else None


def _id(request: web.Request) -> HookId:
    return HookId(named(request, "hook_id", what="Hook"))
