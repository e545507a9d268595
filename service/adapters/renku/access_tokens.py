"""Access tokens of an upstream Renku: got, kept until they expire, and got again."""

import asyncio
from typing import Protocol

from service.adapters.renku.token_endpoint import TokenEndpoint, TokenGrant
from service.domain.hook import Secret
from service.ports.time import Clock

__all__ = ["AccessTokens", "ClientTokens", "FixedToken"]


class AccessTokens(Protocol):
    """Gives the token to send."""

    async def current(self) -> Secret:
        """Return a token that has not expired, as far as is known.

        Raises:
            UpstreamRefusedError: The provider gives none, and will not.
            TransientError: The provider does not answer.
        """
        ...

    def reject(self, token: Secret) -> bool:
        """Take note that a token was refused; return whether another one may be got."""
        ...

    def accept(self) -> None:
        """Take note that the present token was of use."""
        ...


class FixedToken:
    """Implement `AccessTokens` with a token that cannot be renewed."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def current(self) -> Secret:
        return self._token

    def reject(self, token: Secret) -> bool:
        del token
        return False

    def accept(self) -> None:
        pass


class ClientTokens:
    """Implement `AccessTokens` with tokens that a client gets for itself.

    Each process gets its own.

    Args:
        endpoint: Gives tokens.
        clock: The current time.
    """

    def __init__(self, *, endpoint: TokenEndpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._grant: TokenGrant | None = None
        self._is_fresh = False
        """Whether no request was answered yet with the present token."""
        self._lock = asyncio.Lock()

    async def current(self) -> Secret:
        async with self._lock:  # one request for all that wait
            grant = self._grant
            if grant is None or self._clock.now() >= grant.expires_at:
                grant = await self._endpoint.request(None)
                self._grant, self._is_fresh = grant, True
            return grant.access_token

    def reject(self, token: Secret) -> bool:
        # One that was got for this very request and is refused: the next one would be,
        # too. Any other may have been revoked, or have expired by the other's clock.
        if self._grant is not None and token == self._grant.access_token:
            if self._is_fresh:
                return False
            self._grant = None
        return True

    def accept(self) -> None:
        self._is_fresh = False
