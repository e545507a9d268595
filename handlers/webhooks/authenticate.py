"""Who may deliver: hooks, and the proof that a delivery is theirs."""

import asyncio
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from handlers.webhooks.batch_loader import BatchLoader
from handlers.webhooks.body import BIG_BODY
from handlers.webhooks.refreshing_cache import RefreshingCache
from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook, HookId, Secret
from service.domain.repository import Repository
from service.errors import (
    BadSignatureError,
    NotFoundError,
    PermanentError,
)
from service.forges.proofs import Verified
from service.forges.registry import FORGES
from service.ports.store import Store, Transaction
from service.ports.time import Clock

__all__ = ["FRESH", "HookAuthenticator"]

log = structlog.get_logger(__name__)

FRESH: Final = timedelta(seconds=3)
"""How long a hook is remembered after it was read. Where there are other receivers, who
removes one or retires a secret is answered after that: nobody remembers it then."""
_MOST: Final = 10_000
_MOST_AT_ONCE: Final = 50
"""Hooks in one read."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_Found = Hook | PermanentError | None


# One per receiver. Every refusal does the same work whether the hook exists or not, so
# response times show nobody which hook ids exist.
class HookAuthenticator:
    """Find the hook of a delivery and check its proof.

    Hooks are remembered for a few seconds. What is remembered can only be refused
    after the store was asked again, so a new hook and a new secret work at once; and
    unknown hooks are checked against a secret that nobody has, so every refusal takes
    the same path: a check, one look-up, a check.
    """

    def __init__(self, *, store: Store, clock: Clock, budget: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._budget = budget
        self._memory: RefreshingCache[HookId, Hook] = RefreshingCache(
            self._read,
            clock=clock,
            fresh=FRESH,
            budget=budget,
            most=_MOST,
            most_at_once=_MOST_AT_ONCE,
        )
        self._reader = BatchLoader(self._read, budget=budget, most=_MOST_AT_ONCE)
        # Made once: a new secret for each request would take measurably longer than
        # finding a known hook.
        self._nobody = {forge: _nobody(forge, clock.now()) for forge in Forge}

    async def admit(
        self, forge: Forge, hook_id: str, delivery: Delivery
    ) -> tuple[Hook, Verified]:
        """Return the hook that the delivery is proved to come through.

        Raises:
            BadSignatureError: There is no such hook, or nothing proves the delivery.
            TransientError: The store did not answer.
        """
        hook = self._remembered(forge, hook_id, now=delivery.received_at)
        try:
            return hook, await self._verify(hook, delivery)
        except BadSignatureError:
            # Only after a refusal: a new hook or secret is then found at once, while a
            # valid delivery costs no query.
            hook = await self._look(forge, hook_id)
            return hook, await self._verify(hook, delivery)

    async def run(self) -> None:
        """Read hooks that deliveries come through again and again, until cancelled."""
        await self._memory.run()

    def revoke(self, hook: HookId) -> None:
        """Forget a hook that was changed: whoever comes through it is looked up."""
        self._memory.revoke(hook, at=self._clock.now())

    def known(self, forge: Forge, hook_id: str) -> Hook | None:
        """Return a hook that was read a moment ago; None for one that is not there."""
        hook = self._remembered(forge, hook_id, now=self._clock.now())
        return None if hook is self._nobody[forge] else hook

    def _remembered(self, forge: Forge, hook_id: str, *, now: datetime) -> Hook:
        hook = self._memory.known(HookId(hook_id), now=now)
        return hook if hook and hook.forge is forge else self._nobody[forge]

    async def _look(self, forge: Forge, hook_id: str) -> Hook:
        if not _ID.fullmatch(hook_id):
            return self._nobody[forge]
        found = await self._reader.ask(HookId(hook_id))
        # Its secrets cannot be decrypted (a key was taken away). Raised for this hook
        # only; in the batch it would refuse the others, too.
        if isinstance(found, PermanentError):
            raise found
        if found is None or found.forge is not forge:
            return self._nobody[forge]
        return found

    async def _read(self, ids: Collection[HookId]) -> Mapping[HookId, _Found]:
        read_at = self._clock.now()
        async with self._store.reading(is_single=True) as tx:
            found = await _find(tx, ids)
        for id_, hook in found.items():
            if isinstance(hook, Hook):
                self._memory.keep(id_, hook, read_at=read_at)
            else:
                # Unknown ids are not cached: a stranger could fill the cache with them
                # and push the real hooks out.
                self._memory.invalidate(id_)
        return found

    async def _verify(self, hook: Hook, delivery: Delivery) -> Verified:
        verify, now = FORGES[hook.forge].codec.verify, delivery.received_at
        if len(delivery.body) <= BIG_BODY:
            return verify(hook, delivery, now)
        # 26 MB take 14 ms per secret, and the hash lets other threads run.
        return await asyncio.to_thread(verify, hook, delivery, now)


async def _find(tx: Transaction, ids: Iterable[HookId]) -> Mapping[HookId, _Found]:
    try:
        there = {hook.id: hook for hook in await tx.hooks.get_many(ids)}
    # One hook whose secrets were encrypted with a lost key must not stop the deliveries
    # of all hooks that were asked for in the same batch.
    except PermanentError:  # of one; the others are well
        return {id_: await _find_one(tx, id_) for id_ in ids}
    return {id_: there.get(id_) for id_ in ids}


async def _find_one(tx: Transaction, hook: HookId) -> _Found:
    try:
        return await tx.hooks.get(hook)
    except NotFoundError:
        return None
    except PermanentError as exc:  # this one's secrets cannot be read
        return exc


def _nobody(forge: Forge, now: datetime) -> Hook:
    """Make a hook whose secret nobody has."""
    return Hook(
        id=HookId("nobody"),
        forge=forge,
        proof=FORGES[forge].proofs[0],
        repository=Repository(host="invalid", path="nobody", url="https://invalid"),
        secrets=(Secret("whsec_" + secrets.token_hex(32)),),
        created_at=now,
    )
