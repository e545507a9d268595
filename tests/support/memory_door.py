"""The door of a forge in memory: what a receiver makes of a push, without HTTP.

Proof, binding, matching and the event are the receiver's own.
"""

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from multidict import CIMultiDict

from handlers.webhooks.authenticate import HookAuthenticator
from handlers.webhooks.match import SourceMatcher
from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.push import Push
from service.domain.repository import Ref
from service.errors import (
    BadSignatureError,
    ConflictError,
    ForeignRepositoryError,
    TransientError,
)
from service.events.models import PushReceived, RepositoryData
from service.forges.binding import bound, suggested
from service.ports.store import Store
from service.ports.time import Clock, Ids
from service.usecases.hooks import HookEditor
from tests.support.memory_forge import ForgeRepository, MemoryForge

__all__ = ["MemoryDoor"]

_BUDGET: Final = timedelta(seconds=5)
_BODY: Final = b"{}"
_FIRST: Final = "a secret of at least 32 characters"


@dataclass(kw_only=True)
class MemoryDoor:
    """One hook for each repository, made while it had its first name."""

    store: Store
    forge: MemoryForge
    clock: Clock
    ids: Ids
    pasted: dict[HookId, Secret] = field(default_factory=dict)
    """What the forge signs with; a person gives it the newest, sooner or later."""
    _matcher: SourceMatcher = field(init=False)
    _authenticator: HookAuthenticator = field(init=False)
    _editor: HookEditor = field(init=False)

    def __post_init__(self) -> None:
        self._authenticator = HookAuthenticator(
            store=self.store, clock=self.clock, budget=_BUDGET
        )
        self._editor = HookEditor(
            store=self.store,
            forge_hooks=RoutedForgeHooks(open_api=lambda _: None),
            clock=self.clock,
            ids=self.ids,
            public_url="https://relaunch.example",
            revoke=self._revoke,
        )
        self._matcher = SourceMatcher(
            store=self.store, clock=self.clock, budget=_BUDGET
        )

    async def add_hooks(self) -> None:
        """Make the hooks; nobody knows the numbers yet."""
        async with self.store.transaction() as tx:
            for repository in self.forge.repositories:
                await tx.hooks.add(
                    Hook(
                        id=_hook_of(repository),
                        forge=Forge.GITHUB,
                        proof=Proof.HMAC,
                        repository=replace(repository.name, number=None),
                        secrets=(Secret(_FIRST),),
                        created_at=self.clock.now(),
                    )
                )

    async def rotate(self, repository: ForgeRepository) -> None:
        """Give a hook a second secret, which its forge does not have yet."""
        with suppress(ConflictError, TransientError):
            await self._editor.rotate_secret(_hook_of(repository))

    async def paste(self, repository: ForgeRepository) -> None:
        """Give the forge the newest secret."""
        hook = await self._hook(repository)
        self.pasted[hook.id] = hook.secrets[0]

    async def retire(self, repository: ForgeRepository) -> None:
        """Drop a hook's older secret, whichever its forge has."""
        with suppress(ConflictError, TransientError):
            await self._editor.retire_secret(_hook_of(repository))

    async def take(self, repository: ForgeRepository) -> PushReceived | None:
        """Return the event of a push; None where it is refused or nobody's."""
        live = (await self._hook(repository)).secrets
        secret = self.pasted.get(_hook_of(repository), Secret(_FIRST))
        hook = await self._admit(_hook_of(repository), secret)
        assert (hook is not None) == (secret in live), "live secrets prove, no others"
        if hook is None:
            return None
        path, number = repository.name.path, repository.name.number
        try:
            meant = bound(hook, path=path, number=number)
        except ForeignRepositoryError:
            return None
        push = await self._matcher.find_tracked(
            Push(
                repository=meant,
                ref=Ref(repository.branch),
                before="",
                after="",
                default_branch=repository.branch.removeprefix("refs/heads/"),
                suggestion=suggested(meant, path=path, number=number),
            )
        )
        if push is None:
            return None
        return PushReceived(
            repository=RepositoryData.of(push.repository),
            ref=push.ref,
            default_branch=push.default_branch,
            suggested_number=push.suggestion.number if push.suggestion else None,
            trigger="push",
            delivery_id=f"d-{self.ids.new()}",
            hook_id=hook.id,
            received_at=self.clock.now(),
        )

    async def _hook(self, repository: ForgeRepository) -> Hook:
        async with self.store.reading() as tx:
            return await tx.hooks.get(_hook_of(repository))

    async def _admit(self, hook_id: HookId, secret: Secret) -> Hook | None:
        mac = hmac.new(secret.reveal().encode(), _BODY, hashlib.sha256).hexdigest()
        delivery = Delivery(
            headers=CIMultiDict({"X-Hub-Signature-256": f"sha256={mac}"}),
            body=_BODY,
            received_at=self.clock.now(),
        )
        try:
            hook, _ = await self._authenticator.admit(Forge.GITHUB, hook_id, delivery)
        except BadSignatureError:
            return None
        return hook

    async def _revoke(self, hook: HookId) -> None:
        self._authenticator.revoke(hook)


def _hook_of(repository: ForgeRepository) -> HookId:
    return HookId(f"hook-{repository.numbers[0]}")
