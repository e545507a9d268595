"""API tokens: what is on record of them, and whether they may still be used."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NewType

from service.domain.hook import Secret
from service.domain.rights.caller import Scope, UserId

__all__ = [
    "TOKEN_BEGINS",
    "ApiToken",
    "TokenId",
    "compose_token",
    "digest_token",
    "visible_part",
]

TokenId = NewType("TokenId", str)

TOKEN_BEGINS: Final = "rlt_"  # noqa: S105 - the same for every token
"""What every token begins with: secret scanners know it by that, and requests need no
look into the database to tell it from a JWT."""
_VISIBLE: Final = len(TOKEN_BEGINS) + 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token of a user; the text itself is kept nowhere."""

    id: TokenId
    name: str
    prefix: str
    """Its first characters, to recognize it by."""
    digest: str
    user: UserId
    is_admin: bool
    """Whether the user was an administrator when the token was made."""
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    """None for never."""
    last_used_at: datetime | None = None
    """Within a minute; None before the first use."""
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Return whether the token still opens anything."""
        is_over = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_over


def compose_token(random: str) -> Secret:
    """Return the token with this random part."""
    return Secret(f"{TOKEN_BEGINS}{random}")


def visible_part(token: Secret) -> str:
    """Return what of a token may be shown: too little to guess the rest."""
    return token.reveal()[:_VISIBLE]


def digest_token(token: Secret) -> str:
    """Return what is stored of a token: its SHA-256 in hex.

    No slow hash: the text has 256 random bits, so nobody finds it by trying, and every
    request computes it.
    """
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogateescape")).hexdigest()
