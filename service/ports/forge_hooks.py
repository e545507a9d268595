"""The port of webhooks at forges, for hooks that a token may manage."""

from dataclasses import dataclass
from typing import Protocol

from service.domain.delivery import Forge
from service.domain.hook import Hook
from service.domain.hook_health import ForgeHook
from service.errors import RemoteRefusedError

__all__ = ["Failed", "ForgeHooks", "HostHooks", "ProofNotOfferedError"]


class ProofNotOfferedError(RemoteRefusedError):
    """The forge does not support the authentication method of the hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Failed deliveries that may be sent again."""

    deliveries: tuple[str, ...]
    """The forge's ids, oldest first, without those that this service refused or that
    arrived later."""
    place: str
    """The position in the forge's log up to which it was read; opaque."""


class HostHooks(Protocol):
    """Creates, reads and repairs hooks at one forge.

    Every method but the first may raise:
        RemoteRefusedError: The hook does not exist, or the token may not do this.
        TransientError: The forge did not answer, or not in time.
    """

    def can_manage(self, hook: Hook) -> bool:
        """Return whether there is a token for the binding of the hook."""
        ...

    async def find(self, hook: Hook, *, url: str) -> ForgeHook | None:
        """Return the hook with the forge's id, or else the one that delivers to `url`.

        None when there is none.
        """
        ...

    async def create(self, hook: Hook, *, url: str) -> ForgeHook:
        """Create the hook with the expected settings.

        Raises:
            ProofNotOfferedError: The forge does not support the authentication method.
        """
        ...

    async def edit(self, hook: Hook, *, url: str) -> None:
        """Restore the expected settings of the hook, with its newest secret.

        A hook that its forge had disabled is enabled again.
        """
        ...

    async def remove(self, hook: Hook) -> None:
        """Remove the hook; a missing hook is no error."""
        ...

    async def test(self, hook: Hook) -> None:
        """Have the forge send a test delivery."""
        ...

    async def failed_deliveries(self, hook: Hook, *, after: str) -> Failed:
        """Return the deliveries that failed after a position in the forge's log."""
        ...

    async def redeliver(self, hook: Hook, delivery: str) -> None:
        """Have the forge send a delivery again."""
        ...


class ForgeHooks(HostHooks, Protocol):
    """Does so at every forge, and knows which forge a host runs."""

    def forge_at(self, host: str) -> Forge | None:
        """Return the forge that the settings name for a host; None without one."""
        ...
