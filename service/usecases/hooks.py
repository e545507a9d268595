"""Webhooks, added, rotated and removed by people, at their forge too where possible.

A hook is in the database before its forge learns of it, so that its first delivery
finds it. Whatever the forge refuses is reported, and left to the person.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof, Reach, parse_binding
from service.domain.repository import Repository
from service.errors import ConflictError, RemoteRefusedError, TransientError
from service.forges.registry import FORGES
from service.ports.forge_hooks import ForgeHooks, ProofNotOfferedError
from service.ports.store import Store, Transaction
from service.ports.time import Clock, Ids
from service.usecases.hook_maintenance import explain_unreachable, hook_url
from service.usecases.hook_secrets import check_reach, forge_of, new_secret, proof_of

__all__ = ["ForgeOutcome", "HookEditor"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeOutcome:
    """What became of a hook at its forge."""

    hook: Hook
    is_done: bool
    """Whether the forge has it, secret and all."""
    trouble: str = ""
    """Why it has not, where a token was tried."""


class HookEditor:
    """Add, rotate and remove webhooks.

    The application makes one for each process that serves the REST API; it holds no
    state. The forge is called outside of transactions: it may take seconds, and what
    it did is saved by a transaction of its own.

    Args:
        store: Where hooks are.
        forge_hooks: Changes hooks at their forges, where a token allows it.
        clock: Gives the time.
        ids: Makes ids.
        public_url: Where forges reach the service, without a slash at the end.
        revoke: Makes every receiver forget what it knows of a hook.
    """

    def __init__(
        self,
        *,
        store: Store,
        forge_hooks: ForgeHooks,
        clock: Clock,
        ids: Ids,
        public_url: str,
        revoke: Callable[[HookId], Awaitable[None]],
    ) -> None:
        self._store = store
        self._forge_hooks = forge_hooks
        self._clock = clock
        self._ids = ids
        self._public_url = public_url
        self._revoke = revoke

    async def add(
        self,
        url: str,
        *,
        reach: Reach = Reach.REPOSITORY,
        forge: Forge | None = None,
        proof: Proof | None = None,
        is_pasted: bool = False,
    ) -> ForgeOutcome:
        """Add a hook, and create it at its forge where a token allows it.

        Args:
            url: Of the repository; of the owner or host for such a reach.
            reach: What deliveries may speak about.
            forge: Of the settings, or else read off the host, when None.
            proof: The strongest that the forge offers when None.
            is_pasted: Whether a person creates it at the forge in any case.

        Raises:
            InvalidRequestError: The URL is none, names no forge, or the forge does
                not offer the reach or proof.
        """
        repository = parse_binding(url, reach)
        known = self._forge_hooks.forge_at(repository.host)
        forge = forge_of(repository, forge or known)
        check_reach(forge, reach)
        chosen = proof_of(forge, proof)
        hook = Hook(
            id=HookId(self._ids.new()),
            forge=forge,
            proof=chosen,
            repository=repository,
            secrets=(new_secret(chosen),),
            created_at=self._clock.now(),
            reach=reach,
        )
        # Committed before the forge is asked: its first delivery may arrive while it
        # still answers the creation, and the receiver must know the hook by then.
        async with self._store.transaction() as tx:
            hook = replace(hook, repository=await _with_number(tx, repository, reach))
            await tx.hooks.add(hook)
        if is_pasted:
            return ForgeOutcome(hook=hook, is_done=False)
        return await self._create(hook, is_any_proof=proof is None)

    async def send_test(self, hook_id: HookId) -> None:
        """Have the forge deliver something now.

        Raises:
            NotFoundError: There is no such hook.
            ConflictError: No token may ask the forge to.
        """
        async with self._store.reading() as tx:
            hook = await tx.hooks.get(hook_id)
        if not self._forge_hooks.can_manage(hook) or hook.forge_id is None:
            raise ConflictError(
                "No token may ask the forge to deliver; press "
                f"{FORGES[hook.forge].setup.resend_button} on the webhook's page there."
            )
        await self._forge_hooks.test(hook)

    async def rotate_secret(self, hook_id: HookId) -> ForgeOutcome:
        """Give a hook a second secret, at its forge too where a token allows it.

        Raises:
            NotFoundError: There is no such hook.
            ConflictError: It has two secrets already; it is not known which of them
                the forge uses.
        """
        async with self._store.transaction() as tx:
            hook = await tx.hooks.get(hook_id)
            if len(hook.secrets) > 1:
                raise ConflictError(
                    "Two secrets are live; retire the older one before you rotate "
                    "again."
                )
            hook = replace(
                hook,
                # Both are valid until the older one is retired: deliveries that the
                # forge has signed already arrive for minutes.
                secrets=(new_secret(hook.proof), *hook.secrets),
                rotated_at=self._clock.now(),
            )
            await tx.hooks.save(hook)
        return await self._renew(hook)

    async def retire_secret(self, hook_id: HookId) -> Hook:
        """Drop the older secret; on return every receiver takes the newest only.

        Raises:
            NotFoundError: There is no such hook.
            ConflictError: It has one secret only.
        """
        async with self._store.transaction() as tx:
            hook = await tx.hooks.get(hook_id)
            if len(hook.secrets) == 1:
                raise ConflictError("Only one secret is live; rotate it first.")
            hook = replace(hook, secrets=hook.secrets[:1])
            await tx.hooks.save(hook)
        # Returns once no receiver takes the older secret any more; before that,
        # "retired" would not be true.
        await self._revoke(hook_id)
        return hook

    async def remove(self, hook_id: HookId) -> None:
        """Remove a hook, at its forge too; on return every receiver refuses it.

        Raises:
            NotFoundError: There is no such hook.
        """
        async with self._store.transaction() as tx:
            hook = await tx.hooks.get(hook_id)
            await tx.hooks.remove(hook_id)
        await self._revoke(hook_id)
        await self._release(hook)

    async def _create(self, hook: Hook, *, is_any_proof: bool) -> ForgeOutcome:
        """Create a hook at its forge.

        Args:
            hook: In the database already.
            is_any_proof: Whether a weaker proof will do where the forge, being an
                older version, does not offer this one.
        """
        if not self._forge_hooks.can_manage(hook):
            return ForgeOutcome(hook=hook, is_done=False)
        url = hook_url(hook, public_url=self._public_url)
        if why := explain_unreachable(url, hook.repository.host):
            return ForgeOutcome(hook=hook, is_done=False, trouble=why)
        try:
            created = await self._forge_hooks.create(hook, url=url)
        except ProofNotOfferedError as exc:
            proof = _weaker_proof(hook) if is_any_proof else None
            if proof is None:
                return ForgeOutcome(hook=hook, is_done=False, trouble=str(exc))
            weaker = replace(hook, proof=proof, secrets=(new_secret(proof),))
            await self._save(weaker)
            # Ends because each proof is weaker than the one before: at the last one
            # `_weaker_proof` has nothing.
            return await self._create(weaker, is_any_proof=is_any_proof)
        except (RemoteRefusedError, TransientError) as exc:
            return ForgeOutcome(hook=hook, is_done=False, trouble=str(exc))
        known = replace(hook, forge_id=created.id)
        await self._save(known)
        await self._send_first_delivery(known)
        return ForgeOutcome(hook=known, is_done=True)

    async def _renew(self, hook: Hook) -> ForgeOutcome:
        """Give the hook at its forge its newest secret."""
        if not self._forge_hooks.can_manage(hook) or hook.forge_id is None:
            return ForgeOutcome(hook=hook, is_done=False)
        url = hook_url(hook, public_url=self._public_url)
        try:
            await self._forge_hooks.edit(hook, url=url)
        except (RemoteRefusedError, TransientError) as exc:
            return ForgeOutcome(hook=hook, is_done=False, trouble=str(exc))
        return ForgeOutcome(hook=hook, is_done=True)

    async def _release(self, hook: Hook) -> None:
        """Remove the hook at its forge; the service refuses one that stays there."""
        if not self._forge_hooks.can_manage(hook) or hook.forge_id is None:
            return
        try:
            await self._forge_hooks.remove(hook)
        except (RemoteRefusedError, TransientError) as exc:
            log.warning("hook stays at its forge", hook=hook.id, error=str(exc))

    async def _send_first_delivery(self, hook: Hook) -> None:
        """Have the forge deliver something, if it does not do so by itself."""
        if FORGES[hook.forge].is_greeting:
            return
        try:
            await self._forge_hooks.test(hook)
        except (RemoteRefusedError, TransientError) as exc:  # an empty project
            log.info("hook not tested", hook=hook.id, error=str(exc))

    async def _save(self, hook: Hook) -> None:
        """Save what the forge answered; what deliveries changed meanwhile stays."""
        async with self._store.transaction(f"hook:{hook.id}") as tx:
            # Read again: the forge took seconds, and health or number may have been
            # written meanwhile.
            now = await tx.hooks.get(hook.id)
            await tx.hooks.save(
                replace(
                    now,
                    proof=hook.proof,
                    secrets=hook.secrets,
                    forge_id=hook.forge_id,
                )
            )


def _weaker_proof(hook: Hook) -> Proof | None:
    """Return the forge's next best proof, which its older versions know."""
    proofs = FORGES[hook.forge].proofs
    return next(iter(proofs[proofs.index(hook.proof) + 1 :]), None)


async def _with_number(
    tx: Transaction, repository: Repository, reach: Reach
) -> Repository:
    """Return a repository with the number that evaluations have seen for its name."""
    if reach is not Reach.REPOSITORY:
        return repository
    numbers = {
        source.repository.number
        for source in await tx.sources.of_repository(repository)
        if source.repository.number is not None
    }
    # Two numbers under one path: the repository was made anew, and which of them the
    # hook is for is not known before an evaluation.
    if len(numbers) != 1:
        return repository
    return replace(repository, number=numbers.pop())
