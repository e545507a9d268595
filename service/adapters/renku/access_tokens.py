"""Access tokens of an upstream Renku: got, kept until they expire, and got again.

https://www.rfc-editor.org/rfc/rfc6749#section-6 and section 4.4
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from service.adapters.renku.errors import UpstreamRefusedError
from service.domain.hook import Secret
from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["AccessTokens", "FixedToken", "OAuthClient", "RenewedTokens"]

EARLY: Final = timedelta(seconds=30)
"""How long before its end a token is no longer used: a request may take as long."""
UNSTATED: Final = timedelta(minutes=5)
"""The life of a token whose provider does not state it; Keycloak's default."""
DEADLINE: Final = timedelta(seconds=10)
MOST_BYTES: Final = 64 * 1024
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
_REFUSALS: Final = frozenset({400, 401, 403})


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Who gets access tokens, and where."""

    token_url: str
    client_id: str
    client_secret: Secret | None
    refresh_token: Secret | None
    """None: the client gets tokens for itself (client credentials)."""


class _Grant(BaseModel):
    """An answer: https://www.rfc-editor.org/rfc/rfc6749#section-5.1 ."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    access_token: str
    expires_in: float | None = None
    refresh_token: str | None = None


class RenewedTokens:
    """Implement `AccessTokens` with OAuth 2.0.

    One per process. A provider may give a new refresh token with each access token and
    refuse the former one from then on, so renewals are one at a time.

    Args:
        session: Sends the requests.
        client: Who gets tokens.
        clock: The current time.
    """

    def __init__(
        self, *, session: aiohttp.ClientSession, client: OAuthClient, clock: Clock
    ) -> None:
        self._session = session
        self._client = client
        self._clock = clock
        self._refresh_token = client.refresh_token
        self._token: Secret | None = None
        self._expires_at: datetime | None = None
        self._is_fresh = False
        """Whether no request was answered yet with the present token."""
        self._lock = asyncio.Lock()

    async def current(self) -> Secret:
        # Under a lock: two renewals at once would use one refresh token twice, and a
        # provider that exchanges them takes the second use for a theft of it and ends
        # the session: https://www.rfc-editor.org/rfc/rfc9700#section-4.14
        async with self._lock:
            is_over = self._expires_at and self._clock.now() >= self._expires_at
            if self._token is None or is_over:
                await self._renew()
            assert self._token is not None
            return self._token

    def reject(self, token: Secret) -> bool:
        # One that was got for this very request and is refused: the next one would be,
        # too. Any other may have been revoked, or have expired by the other's clock.
        if self._token is not None and token == self._token:
            if self._is_fresh:
                return False
            self._token = None
        return True

    def accept(self) -> None:
        self._is_fresh = False

    async def _renew(self) -> None:
        grant = await self._ask()
        if grant.refresh_token is not None and self._refresh_token is not None:
            self._refresh_token = Secret(grant.refresh_token)
        life = UNSTATED
        if grant.expires_in is not None:
            life = timedelta(seconds=min(grant.expires_in, 10**6))
        # A life shorter than the margin is used to its half: otherwise each request
        # would get a token of its own.
        self._expires_at = self._clock.now() + max(life - EARLY, life / 2)
        self._token = Secret(grant.access_token)
        self._is_fresh = True

    async def _ask(self) -> _Grant:
        url = self._client.token_url
        try:
            async with (
                asyncio.timeout(DEADLINE.total_seconds()),
                self._session.post(
                    url, data=self._form(), allow_redirects=False
                ) as answer,
            ):
                raw = await answer.content.read(MOST_BYTES)
                status = answer.status
        except (TimeoutError, aiohttp.ClientError, OSError) as exc:
            raise TransientError(f"{url} does not answer: {exc}") from exc
        if status >= _SERVER_ERROR or status == _TOO_MANY:
            raise TransientError(f"{url} answers {status}")
        # `invalid_grant` and its like: the body may repeat what was sent, so only the
        # status is shown. Any other answer may be of an ingress whose provider starts:
        # taken for a refusal, it would end every build that runs.
        if status in _REFUSALS and _is_refusal(raw):
            raise UpstreamRefusedError(self._refusal(status), status=401)
        try:
            return _Grant.model_validate_json(raw)
        except ValidationError as exc:
            raise TransientError(
                f"RELAUNCH_RENKU_TOKEN_URL: {url} answers {status} and no access token"
            ) from exc

    def _form(self) -> Mapping[str, str]:
        form = {"client_id": self._client.client_id, "grant_type": "client_credentials"}
        if self._client.client_secret is not None:
            form["client_secret"] = self._client.client_secret.reveal()
        if self._refresh_token is not None:
            form["grant_type"] = "refresh_token"
            form["refresh_token"] = self._refresh_token.reveal()
        return form

    def _refusal(self, status: int) -> str:
        url = self._client.token_url
        if self._refresh_token is None:
            return (
                f"RELAUNCH_RENKU_CLIENT_ID or RELAUNCH_RENKU_CLIENT_SECRET is refused: "
                f"{url} answers {status}"
            )
        return (
            f"RELAUNCH_RENKU_REFRESH_TOKEN is refused, it may have expired: {url} "
            f"answers {status}"
        )


def _is_refusal(raw: bytes) -> bool:
    """Return whether a provider refuses, as RFC 6749 has it in section 5.2."""
    try:
        content = json.loads(raw)
    except ValueError:
        return False
    return isinstance(content, dict) and isinstance(content.get("error"), str)
