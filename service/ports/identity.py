"""The port of the identity provider: whose token is this?"""

from dataclasses import dataclass
from typing import Protocol

from service.domain.hook import Secret
from service.domain.rights.caller import User
from service.errors import UnauthenticatedError

__all__ = ["Identity", "IdentityProvider", "NoIdentityProvider"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a verified token states."""

    user: User
    is_admin: bool = False
    """Whether its claims make the user an administrator."""


class IdentityProvider(Protocol):
    """Verifies tokens that a provider issued."""

    async def verify(self, token: Secret) -> Identity:
        """Return what a token states, once all of it is verified.

        Verified are its signature with a key that the provider publishes, the
        algorithm, the issuer, the audience and the times.

        Raises:
            UnauthenticatedError: One of these does not hold; the message says which,
                and nothing of the token.
            TransientError: The provider's keys are not known, and it does not answer.
        """
        ...


class NoIdentityProvider:
    """No provider is configured: no token is one of its."""

    async def verify(self, token: Secret) -> Identity:
        """Refuse the token."""
        del token
        raise UnauthenticatedError(
            "You have to be authenticated to perform this operation; expected the "
            "header Authorization: Bearer with the service's token."
        )
