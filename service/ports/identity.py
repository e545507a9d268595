"""The ports of the identity provider: whose token is this, and who signs in?"""

from dataclasses import dataclass
from typing import Protocol

from service.domain.hook import Secret
from service.domain.rights.caller import User
from service.domain.rights.sign_in_attempt import SignInAttempt
from service.errors import NotFoundError, UnauthenticatedError

__all__ = [
    "Identities",
    "Identity",
    "IdentityProvider",
    "NoIdentityProvider",
    "NoSignInProvider",
    "SignInProvider",
]


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


class SignInProvider(Protocol):
    """Signs people in to the page: the authorization code flow, with PKCE."""

    @property
    def name(self) -> str:
        """What people call it; empty where nobody can sign in at a provider."""
        ...

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        """Return where the browser goes to begin an attempt.

        Raises:
            NotFoundError: Nobody can sign in at a provider here.
            TransientError: The provider does not answer.
        """
        ...

    async def sign_out_url(self, *, back: str) -> str:
        """Return where a person ends the session at the provider, too.

        Empty where the provider states no such place.

        Args:
            back: Where the provider leads to afterwards.

        Raises:
            TransientError: The provider does not answer.
        """
        ...

    async def redeem(self, code: Secret, attempt: SignInAttempt) -> Identity:
        """Return who the provider states has signed in, once all of it is verified.

        Raises:
            UnauthenticatedError: The provider refuses the code, or what it states is
                not for this attempt; the message says why, and nothing secret.
            TransientError: The provider does not answer, or refuses this service.
        """
        ...


class NoSignInProvider:
    """Nobody signs in at a provider."""

    name = ""

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        """Refuse to begin."""
        del attempt
        raise NotFoundError("No identity provider is set up for the page.")

    async def sign_out_url(self, *, back: str) -> str:
        """Return nothing: whoever signed out here is signed out."""
        del back
        return ""

    async def redeem(self, code: Secret, attempt: SignInAttempt) -> Identity:
        """Refuse the code."""
        del code, attempt
        raise UnauthenticatedError("No identity provider is set up for the page.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """What one provider does for an installation."""

    tokens: IdentityProvider
    sign_in: SignInProvider
