"""The keys that an OpenID provider signs with, fetched and kept.

https://openid.net/specs/openid-connect-discovery-1_0.html
https://www.rfc-editor.org/rfc/rfc7517
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import structlog

from service.adapters.oidc.documents import (
    check_issuer,
    endpoint,
    fetch_discovery,
    fetch_document,
)
from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["PublishedKey", "SigningKeys"]

log = structlog.get_logger(__name__)

DEADLINE: Final = timedelta(seconds=5)
"""For both requests together: a caller waits for them."""
MOST_KEYS: Final = 50
"""Providers publish two or three."""
LONGEST_STALE: Final = timedelta(hours=24)
"""How long keys are used while the provider does not answer. Tokens live for minutes,
so an outage of hours locks everybody out anyway; keys that nobody confirms for a day
are not trusted."""
_ASYMMETRIC: Final = frozenset({"RSA", "EC", "OKP"})
"""Values of `kty`; a symmetric key in a public document would let anyone sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """A published key."""

    id: str | None
    """`kid`; None where the provider names none."""
    algorithm: str | None
    """`alg`, where the provider limits the key to one."""
    parameters: Mapping[str, Any] = field(repr=False)
    """The JWK."""


class SigningKeys:
    """Fetch a provider's keys, and keep them for a while.

    Keys are fetched when they are older than `kept`, and for a token that names an
    unknown key, since a provider signs with a new key before anybody has fetched it;
    for that at most once per `pause`, whatever names strangers make up. Requests that
    come meanwhile wait for the same answer.

    Args:
        session: Fetches; without redirects.
        issuer: The provider's URL, as its tokens and its document state it.
        clock: The current time.
        kept: How old keys may be.
        pause: The shortest time between two attempts.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        issuer: str,
        clock: Clock,
        kept: timedelta,
        pause: timedelta,
    ) -> None:
        self._session = session
        self._issuer = issuer
        self._clock = clock
        self._kept = kept
        self._pause = pause
        self._keys: Sequence[PublishedKey] = ()
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def find(self, key_id: str | None) -> Sequence[PublishedKey]:
        """Return the keys that a token may be signed with; none when unknown.

        Args:
            key_id: The `kid` of the token's header. None returns every key.

        Raises:
            TransientError: No keys are known, and the provider does not answer.
        """
        if self._is_older_than(self._kept):
            await self._refresh()
        found = self._named(key_id)
        if not found:
            await self._refresh()
            found = self._named(key_id)
        return found

    def _named(self, key_id: str | None) -> Sequence[PublishedKey]:
        if key_id is None:
            return self._keys
        return [key for key in self._keys if key.id == key_id]

    def _is_older_than(self, age: timedelta) -> bool:
        return self._fetched_at is None or self._clock.now() - self._fetched_at >= age

    async def _refresh(self) -> None:
        requested_at = self._clock.now()
        async with self._lock:
            # Somebody else has fetched while this request waited for the lock, or
            # shortly before: what strangers send must not become load at the provider.
            tried = self._tried_at
            if tried is not None and requested_at - tried < self._pause:
                self._check_usable("it was asked a moment ago")
                return
            self._tried_at = requested_at
            try:
                self._keys = await self._fetch()
            except TransientError as exc:
                log.warning("identity provider unavailable", error=str(exc))
                self._check_usable(str(exc))
            else:
                self._fetched_at = requested_at

    def _check_usable(self, why: str) -> None:
        if self._is_older_than(LONGEST_STALE):
            raise TransientError(
                "The identity provider does not answer, so tokens cannot be verified"
                f" now: {why}"
            )

    async def _fetch(self) -> Sequence[PublishedKey]:
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                document = await fetch_discovery(self._session, self._issuer)
                url = self._keys_url(document)
                return _read_keys(await fetch_document(self._session, url))
        except TimeoutError as exc:
            raise TransientError(
                f"{self._issuer}: no answer within {DEADLINE.total_seconds():g} s"
            ) from exc
        except (aiohttp.ClientError, ValueError) as exc:
            raise TransientError(f"{self._issuer}: {exc}") from exc

    def _keys_url(self, document: Mapping[str, Any]) -> str:
        check_issuer(document, self._issuer)
        return endpoint(document, "jwks_uri", issuer=self._issuer)


def _read_keys(document: Mapping[str, Any]) -> Sequence[PublishedKey]:
    """Read a JWK set; keys for anything but signatures are left out.

    Raises:
        ValueError: It is no JWK set, or has too many keys.
    """
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MOST_KEYS:
        raise ValueError(f"its jwks_uri answers no list of at most {MOST_KEYS} keys")
    return [
        PublishedKey(
            id=_text(entry.get("kid")),
            algorithm=_text(entry.get("alg")),
            parameters=entry,
        )
        for entry in entries
        if isinstance(entry, dict)
        and entry.get("kty") in _ASYMMETRIC
        and entry.get("use", "sig") == "sig"
    ]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
