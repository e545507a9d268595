"""Comparing what was sent with what the hook's secrets make of it.

The time of a refusal reveals nothing: however many secrets a hook has, and whatever
is missing or malformed, the same work is done.
"""

import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from service.domain.hook import Hook, Secret
from service.errors import BadSignatureError

__all__ = [
    "CLOCK_TOLERANCE_SECONDS",
    "MOST_SECRETS",
    "SkewedClockError",
    "Verified",
    "candidates",
    "digest",
    "equal_to_any",
    "octets",
]

MOST_SECRETS: Final = 2
"""A newest secret, and the one that is being rotated out."""

CLOCK_TOLERANCE_SECONDS: Final = 300
"""Both ways. GitLab names no number; Standard Webhooks libraries take five minutes."""

_DECOY: Final = Secret(secrets.token_urlsafe(32))
"""Fills the place of a second secret. Nobody can know it, so nothing matches it; it
is compared all the same, and a match would be no proof."""


_PEPPER: Final = secrets.token_bytes(32)


class SkewedClockError(BadSignatureError):
    """The proof is right and its time is not: an old delivery, or a wrong clock."""


class Verified(Struct, frozen=True, kw_only=True):
    """A delivery that is proved to come from the hook's forge."""

    secret_index: int
    """Which of the hook's secrets proved it: 0 is the newest."""

    @property
    def is_by_old_secret(self) -> bool:
        """Return whether the forge still uses a secret that is being rotated out."""
        return self.secret_index > 0


def candidates(hook: Hook) -> tuple[Secret, ...]:
    """Return the hook's secrets, filled up so that every hook costs the same."""
    return (*hook.secrets, *(_DECOY,) * (MOST_SECRETS - len(hook.secrets)))


def octets(header: str | None) -> bytes:
    """Return a header's bytes, whatever they are; nothing for a missing one."""
    return (header or "").encode("utf-8", "surrogatepass")


def digest(value: bytes) -> bytes:
    """Return 32 bytes that reveal nothing of the value, its length included."""
    return hmac.digest(_PEPPER, value, "sha256")


def equal_to_any(given: Iterable[bytes], expected: Iterable[bytes]) -> int | None:
    """Return the index of the first expected value that was given.

    Every pair is compared, each in constant time.
    """
    texts = tuple(given)
    hits = [
        True in [hmac.compare_digest(text, value) for text in texts]
        for value in expected
    ]
    return hits.index(True) if True in hits else None
