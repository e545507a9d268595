"""Hooks at their forge, where a token of ours may look after them."""

from dataclasses import dataclass
from typing import Protocol

from service.domain.checkup import ForgeHook
from service.domain.hook import Hook
from service.errors import RemoteRefusedError

__all__ = ["Failed", "ForgeHooks", "ProofNotOfferedError"]


class ProofNotOfferedError(RemoteRefusedError):
    """The forge cannot prove deliveries in the way that the hook asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Deliveries that did not arrive, and may be sent again."""

    deliveries: tuple[str, ...]
    """The forge's ids, oldest first; none that we refused, or that arrived later."""
    place: str
    """Up to where the forge's log was read; opaque."""


class ForgeHooks(Protocol):
    """Makes, reads and mends hooks at forges.

    Every method but the first may raise:
        RemoteRefusedError: There is no such thing for our token, or not this.
        TransientError: The forge did not answer, or not in time.
    """

    def can_manage(self, hook: Hook) -> bool:
        """Say whether a token is known for what the hook is bound to."""
        ...

    async def find(self, hook: Hook, *, url: str) -> ForgeHook | None:
        """Return the hook: by the forge's id, or else the one that delivers to `url`.

        None when there is none any more.
        """
        ...

    async def create(self, hook: Hook, *, url: str) -> ForgeHook:
        """Make the hook, as it has to be.

        Raises:
            ProofNotOfferedError: The forge does not know this way of proof.
        """
        ...

    async def edit(self, hook: Hook, *, url: str) -> None:
        """Make the hook what it has to be, newest secret and all.

        A hook that its forge had switched off or paused delivers again.
        """
        ...

    async def remove(self, hook: Hook) -> None:
        """Remove the hook; one that is not there is no error."""
        ...

    async def test(self, hook: Hook) -> None:
        """Have the forge deliver something now."""
        ...

    async def failed(self, hook: Hook, *, after: str) -> Failed:
        """Return what failed to arrive after a place in the forge's log."""
        ...

    async def redeliver(self, hook: Hook, delivery: str) -> None:
        """Have the forge send a delivery again."""
        ...
