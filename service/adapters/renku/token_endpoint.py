"""Requests to the token endpoint of an upstream Renku's identity provider.

https://www.rfc-editor.org/rfc/rfc6749#section-6 and section 4.4
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from service.adapters.renku.errors import UpstreamRefusedError
from service.domain.hook import Secret
from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["OAuthClient", "TokenEndpoint", "TokenGrant"]

EARLY: Final = timedelta(seconds=30)
"""How long before its end a token is no longer used: a request may take as long."""
UNSTATED: Final = timedelta(minutes=5)
"""The life of a token whose provider does not state it; Keycloak's default."""
DEADLINE: Final = timedelta(seconds=10)
MOST_BYTES: Final = 64 * 1024
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
_REFUSALS: Final = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Who gets access tokens, and where."""

    token_url: str
    client_id: str
    client_secret: Secret | None
    refresh_token: Secret | None
    """None: the client gets tokens for itself (client credentials)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """An access token."""

    access_token: Secret
    expires_at: datetime
    """When it is no longer used."""
    refresh_token: Secret | None
    """What to get the next one with; None where the provider sends none, and the one
    that was used stays good."""


class _TokenAnswer(BaseModel):
    """An answer: https://www.rfc-editor.org/rfc/rfc6749#section-5.1 ."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    access_token: str
    expires_in: float | None = None
    refresh_token: str | None = None


class TokenEndpoint:
    """Get access tokens.

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

    async def request(self, refresh_token: Secret | None) -> TokenGrant:
        """Get an access token with a refresh token, or for the client itself.

        Raises:
            UpstreamRefusedError: The provider gives none, and will not.
            TransientError: The provider does not answer.
        """
        answer = await self._ask(refresh_token)
        life = UNSTATED
        if answer.expires_in is not None:
            life = timedelta(seconds=min(answer.expires_in, 10**6))
        renewed = answer.refresh_token
        return TokenGrant(
            access_token=Secret(answer.access_token),
            # A life shorter than the margin is used to its half: otherwise each request
            # would get a token of its own.
            expires_at=self._clock.now() + max(life - EARLY, life / 2),
            refresh_token=Secret(renewed) if renewed is not None else None,
        )

    async def _ask(self, refresh_token: Secret | None) -> _TokenAnswer:
        url = self._client.token_url
        form = self._form(refresh_token)
        try:
            async with (
                asyncio.timeout(DEADLINE.total_seconds()),
                self._session.post(url, data=form, allow_redirects=False) as answer,
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
            return _TokenAnswer.model_validate_json(raw)
        except ValidationError as exc:
            raise TransientError(
                f"RELAUNCH_RENKU_TOKEN_URL: {url} answers {status} and no access token"
            ) from exc

    def _form(self, refresh_token: Secret | None) -> Mapping[str, str]:
        form = {"client_id": self._client.client_id, "grant_type": "client_credentials"}
        if self._client.client_secret is not None:
            form["client_secret"] = self._client.client_secret.reveal()
        if refresh_token is not None:
            form["grant_type"] = "refresh_token"
            form["refresh_token"] = refresh_token.reveal()
        return form

    def _refusal(self, status: int) -> str:
        url = self._client.token_url
        if self._client.refresh_token is None:
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
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and isinstance(content.get("error"), str)
