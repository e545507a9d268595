"""Hooks at their forge, done for a user where a token allows it.

The hook is on record before its forge hears of it, so that its first delivery finds
it. Whatever the forge refuses is told, and done by hand instead.
"""

from dataclasses import dataclass, replace

import structlog
from aiohttp import web

from handlers.announcing import announcer_of
from handlers.hook_secrets import new_secret
from handlers.keys import CLOCK, FORGE_HOOKS, PUBLIC_URL, STORE
from service.checkup import Examiner, Nurse, hook_url, unreachable
from service.domain.delivery import Forge
from service.domain.hook import Hook, Proof
from service.errors import RemoteRefusedError, TransientError
from service.ports.forge_hooks import ProofNotOfferedError

__all__ = ["Done", "is_managed", "let_go", "make", "nurse_of", "renew"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a hook at its forge."""

    hook: Hook
    is_done: bool
    trouble: str = ""
    """Why it was not done, where a token was tried."""


def is_managed(app: web.Application, hook: Hook) -> bool:
    """Say whether a token may look after a hook."""
    return app[FORGE_HOOKS].can_manage(hook)


def nurse_of(app: web.Application) -> Nurse:
    """Return what looks after hooks."""
    examiner = Examiner(
        forges=app[FORGE_HOOKS], clock=app[CLOCK], public_url=app[PUBLIC_URL]
    )
    return Nurse(store=app[STORE], examiner=examiner, announcer=announcer_of(app))


async def make(app: web.Application, hook: Hook, *, is_any_proof: bool) -> Done:
    """Make a hook at its forge.

    Args:
        app: Where everything is.
        hook: On record already.
        is_any_proof: Whether a weaker proof is taken where the forge has no better.
    """
    if not is_managed(app, hook):
        return Done(hook=hook, is_done=False)
    url = hook_url(hook, public_url=app[PUBLIC_URL])
    if why := unreachable(url, hook.repository.host):
        return Done(hook=hook, is_done=False, trouble=why)
    try:
        made = await app[FORGE_HOOKS].create(hook, url=url)
    except ProofNotOfferedError as exc:
        if not is_any_proof or hook.proof is not Proof.SIGNING_TOKEN:
            return Done(hook=hook, is_done=False, trouble=str(exc))
        return await make(app, await _weaker(app, hook), is_any_proof=False)
    except (RemoteRefusedError, TransientError) as exc:
        return Done(hook=hook, is_done=False, trouble=str(exc))
    known = replace(hook, forge_id=made.id)
    await _save(app, known)
    await _introduce(app, known)
    return Done(hook=known, is_done=True)


async def renew(app: web.Application, hook: Hook) -> Done:
    """Give the hook at its forge its newest secret."""
    if not is_managed(app, hook) or hook.forge_id is None:
        return Done(hook=hook, is_done=False)
    url = hook_url(hook, public_url=app[PUBLIC_URL])
    try:
        await app[FORGE_HOOKS].edit(hook, url=url)
    except (RemoteRefusedError, TransientError) as exc:
        return Done(hook=hook, is_done=False, trouble=str(exc))
    return Done(hook=hook, is_done=True)


async def let_go(app: web.Application, hook: Hook) -> None:
    """Remove the hook at its forge; one that stays there is refused here anyway."""
    if not is_managed(app, hook) or hook.forge_id is None:
        return
    try:
        await app[FORGE_HOOKS].remove(hook)
    except (RemoteRefusedError, TransientError) as exc:
        log.warning("hook stays at its forge", hook=hook.id, error=str(exc))


async def _introduce(app: web.Application, hook: Hook) -> None:
    """Have GitLab deliver something; GitHub greets a new hook by itself."""
    if hook.forge is not Forge.GITLAB:
        return
    try:
        await app[FORGE_HOOKS].test(hook)
    except (RemoteRefusedError, TransientError) as exc:  # an empty project
        log.info("hook not tested", hook=hook.id, error=str(exc))


async def _weaker(app: web.Application, hook: Hook) -> Hook:
    """Fall back to the proof that every GitLab knows."""
    weaker = replace(
        hook,
        proof=Proof.SECRET_TOKEN,
        secrets=(new_secret(Proof.SECRET_TOKEN),),
    )
    await _save(app, weaker)
    return weaker


async def _save(app: web.Application, hook: Hook) -> None:
    """Keep what came of the forge; what deliveries taught meanwhile stays."""
    async with app[STORE].transaction(f"hook:{hook.id}") as tx:
        now = await tx.hooks.get(hook.id)
        await tx.hooks.save(
            replace(now, proof=hook.proof, secrets=hook.secrets, forge_id=hook.forge_id)
        )
