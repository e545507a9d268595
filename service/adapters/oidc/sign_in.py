"""Sign people in at an OpenID provider: the authorization code flow, with PKCE.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
https://openid.net/specs/openid-connect-rpinitiated-1_0.html
https://www.rfc-editor.org/rfc/rfc9700
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import structlog

from service.adapters.oidc.documents import (
    check_issuer,
    endpoint,
    fetch_discovery,
    read_object,
)
from service.adapters.oidc.keys import LONGEST_STALE
from service.adapters.oidc.provider import OidcProvider
from service.domain.hook import Secret
from service.domain.rights.sign_in_attempt import SignInAttempt
from service.errors import TransientError, UnauthenticatedError
from service.ports.identity import Identity
from service.ports.time import Clock

__all__ = ["OidcClient", "OidcSignIn"]

log = structlog.get_logger(__name__)

DEADLINE: Final = timedelta(seconds=10)
"""For one request: a person waits for it."""
RENEWAL_DEADLINE: Final = timedelta(seconds=3)
"""For a description that is asked for anew while the last one can still be used."""
_OK: Final = 200
_ERROR_CODE: Final = re.compile("[a-z_]{1,60}")
_END_SESSION: Final = "end_session_endpoint"
_REFUSED_CODE: Final = "invalid_grant"
"""The one error that is the person's; the others are the installation's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcClient:
    """This installation, as its provider has it registered."""

    id: str
    secret: Secret | None
    """None for a public client, which PKCE alone protects."""
    scopes: Sequence[str]
    name: str
    """What people call the provider."""


class OidcSignIn:
    """Implement the port `SignInProvider`.

    Args:
        session: Sends requests.
        issuer: The provider's URL.
        client: This installation, as the provider knows it.
        verifier: Verifies ID tokens.
        clock: The current time.
        kept: How long the provider's description is used.
        pause: The shortest time between two attempts to fetch it.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        issuer: str,
        client: OidcClient,
        verifier: OidcProvider,
        clock: Clock,
        kept: timedelta,
        pause: timedelta,
    ) -> None:
        self._session = session
        self._issuer = issuer
        self._client = client
        self._verifier = verifier
        self._clock = clock
        self._kept = kept
        self._pause = pause
        self._document: Mapping[str, Any] = {}
        self._fetched_at: datetime | None = None
        self._failed_at: datetime | None = None
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._client.name

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        url = await self._endpoint("authorization_endpoint")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client.id,
                "redirect_uri": attempt.redirect_uri,
                "scope": " ".join(self._client.scopes),
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": attempt.challenge,
                "code_challenge_method": "S256",
            }
        )
        return _with_query(url, query)

    async def sign_out_url(self, *, back: str) -> str:
        if _END_SESSION not in await self._described():
            return ""
        # Without `id_token_hint`, which would have to be kept for as long as a session
        # lasts: the provider asks the person, and what it asks can be refused.
        query = {"client_id": self._client.id, "post_logout_redirect_uri": back}
        return _with_query(await self._endpoint(_END_SESSION), urlencode(query))

    async def redeem(self, code: Secret, attempt: SignInAttempt) -> Identity:
        url = await self._endpoint("token_endpoint")
        form, headers = self._authenticate(
            {
                "grant_type": "authorization_code",
                "code": code.reveal(),
                "redirect_uri": attempt.redirect_uri,
                "code_verifier": attempt.verifier.reveal(),
            }
        )
        token = await self._exchange(url, form, headers)
        return await self._verifier.verify_id_token(
            token, client_id=self._client.id, nonce=attempt.nonce
        )

    def _authenticate(
        self, form: Mapping[str, str]
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Add to a form, or to headers, what proves this client to the provider."""
        secret, named = self._client.secret, {**form, "client_id": self._client.id}
        if secret is None:
            return named, {}
        # Basic is what a provider takes that says nothing.
        taken = self._document.get("token_endpoint_auth_methods_supported")
        if isinstance(taken, list) and "client_secret_basic" not in taken:
            return {**named, "client_secret": secret.reveal()}, {}
        # Encoded as in a form first: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
        pair = quote_plus(self._client.id), quote_plus(secret.reveal())
        return form, {"Authorization": aiohttp.encode_basic_auth(*pair)}

    async def _exchange(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> Secret:
        try:
            async with (
                asyncio.timeout(DEADLINE.total_seconds()),
                self._session.post(
                    url, data=form, headers=headers, allow_redirects=False
                ) as response,
            ):
                read = await read_object(response, url)
        except TimeoutError as exc:
            raise _silent("it takes too long") from exc
        except (aiohttp.ClientError, ValueError) as exc:
            raise _silent(str(exc)) from exc
        if response.status != _OK:
            raise _refusal(response.status, read)
        token = read.get("id_token")
        if not isinstance(token, str):
            raise _silent("its answer holds no id_token; is `openid` a scope?")
        return Secret(token)

    async def _endpoint(self, name: str) -> str:
        try:
            return endpoint(await self._described(), name, issuer=self._issuer)
        except (aiohttp.ClientError, ValueError) as exc:
            raise _silent(str(exc)) from exc

    async def _described(self) -> Mapping[str, Any]:
        # Kept, and fetched by one at a time: whoever opens the sign-in page a thousand
        # times must not become load at the provider. The time limit is around the lock,
        # or each would wait for the limits of all before.
        is_usable = not self._is_older_than(LONGEST_STALE)
        limit = RENEWAL_DEADLINE if is_usable else DEADLINE
        try:
            async with asyncio.timeout(limit.total_seconds()), self._lock:
                if self._is_older_than(self._kept):
                    await self._refresh()
        except TimeoutError:
            self._check_usable("it takes too long")
        return self._document

    async def _refresh(self) -> None:
        now, failed = self._clock.now(), self._failed_at
        if failed is not None and now - failed < self._pause:
            self._check_usable("it did not answer a moment ago")
            return
        # Until it has answered: a caller whose time is over leaves in the middle.
        self._failed_at = now
        try:
            document = await fetch_discovery(self._session, self._issuer)
            check_issuer(document, self._issuer)
        except (aiohttp.ClientError, ValueError) as exc:
            self._check_usable(str(exc))
            return
        self._document, self._fetched_at, self._failed_at = document, now, None

    def _is_older_than(self, age: timedelta) -> bool:
        return self._fetched_at is None or self._clock.now() - self._fetched_at >= age

    def _check_usable(self, why: str) -> None:
        if self._is_older_than(LONGEST_STALE):
            raise _silent(why)


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}"


def _refusal(status: int, answer: Mapping[str, Any]) -> Exception:
    code = str(answer.get("error", ""))
    # Only a code of the standard's form: whatever else a provider writes may hold what
    # was sent to it.
    shown = code if _ERROR_CODE.fullmatch(code) else f"status {status}"
    if shown == _REFUSED_CODE:
        return UnauthenticatedError(
            "The identity provider does not accept the code: it was used already, or is"
            " too old."
        )
    log.error("identity provider refuses this client", answer=shown)
    return TransientError(
        f"The identity provider refuses this service ({shown}); its operator can mend "
        "the settings auth.client_id and auth.client_secret."
    )


def _silent(why: str) -> TransientError:
    log.warning("nobody can sign in", error=why)
    return TransientError(
        "The identity provider does not answer as expected; try again in a moment."
    )
