"""The door of a forge in memory: what a receiver makes of a push, without HTTP.

Binding, matching and the event are the receiver's own; a signature is never wrong here.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from handlers.webhooks.match import SourceMatcher
from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.push import Push
from service.domain.repository import Ref
from service.errors import ForeignRepositoryError
from service.events.models import PushReceived, RepositoryData
from service.forges.binding import bound, suggested
from service.ports.store import Store
from service.ports.time import Clock, Ids
from tests.support.memory_forge import ForgeRepository, MemoryForge

__all__ = ["MemoryDoor"]

_BUDGET: Final = timedelta(seconds=5)


@dataclass(kw_only=True)
class MemoryDoor:
    """One hook for each repository, made while it had its first name."""

    store: Store
    forge: MemoryForge
    clock: Clock
    ids: Ids
    _matcher: SourceMatcher = field(init=False)

    def __post_init__(self) -> None:
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
                        secrets=(Secret("a secret of at least 32 characters"),),
                        created_at=self.clock.now(),
                    )
                )

    async def take(self, repository: ForgeRepository) -> PushReceived | None:
        """Return the event of a push; None where it is refused or nobody's."""
        async with self.store.reading() as tx:
            hook = await tx.hooks.get(_hook_of(repository))
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


def _hook_of(repository: ForgeRepository) -> HookId:
    return HookId(f"hook-{repository.numbers[0]}")
