"""Signatures as Standard Webhooks has them: id, time and raw body in one HMAC.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import re
from datetime import datetime
from typing import Final

from service.domain.hook import Secret

__all__ = [
    "SECRET_PREFIX",
    "is_in_time",
    "is_key",
    "mac",
    "macs_in",
    "signature",
]

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the public part of every such secret
_VERSION: Final = "v1,"
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


def is_key(secret: Secret) -> bool:
    """Return whether a secret can sign: `whsec_` and a key in base64."""
    return bool(_key(secret))


def signature(secret: Secret, message_id: str, seconds: str, body: bytes) -> str:
    """Return the value of `webhook-signature`."""
    made = mac(secret, message_id.encode(), seconds.encode(), body)
    return _VERSION + base64.b64encode(made).decode()


def mac(secret: Secret, message_id: bytes, seconds: bytes, body: bytes) -> bytes:
    """Return the code of a message; of a secret that is no key, one nobody can make."""
    key = _key(secret)
    made = hmac.digest(key, b".".join((message_id, seconds, body)), "sha256")
    return made if key else b""


def macs_in(header: str) -> tuple[bytes, ...]:
    """Return the codes that a `webhook-signature` header holds.

    It may hold several, separated by spaces; those of another version or in bad
    base64 are passed over.
    """
    found = (
        _decoded(part.removeprefix(_VERSION))
        for part in header.split(" ")
        if part.startswith(_VERSION)
    )
    return tuple(chunk for chunk in found if chunk)


def is_in_time(seconds: str, now: datetime, *, tolerance: int) -> bool | None:
    """Return whether a `webhook-timestamp` is near enough; None if it is no number."""
    if not _SECONDS.fullmatch(seconds):
        return None
    return abs(now.timestamp() - int(seconds)) <= tolerance


def _key(secret: Secret) -> bytes:
    return _decoded(secret.reveal().removeprefix(SECRET_PREFIX))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
