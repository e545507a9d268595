"""HMAC-SHA256 of the raw body, in hex: how GitHub and others sign.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hmac
from functools import lru_cache
from typing import Final

from service.domain.hook import Hook, Proof, Secret
from service.errors import BadSignatureError
from service.forges.proofs import Verified, candidates, octets

__all__ = ["PREFIX", "signature", "verify_body"]

PREFIX: Final = "sha256="
_REMEMBERED: Final = 1000
"""Secrets; making one ready costs as much as a third of a usual body."""


def signature(secret: Secret, body: bytes, *, prefix: str = PREFIX) -> str:
    """Return the value of `X-Hub-Signature-256`; other forges have another prefix."""
    mac = _keyed(secret).copy()
    mac.update(body)
    return prefix + mac.hexdigest()


def verify_body(
    hook: Hook, body: bytes, given: str | None, *, header: str, prefix: str = PREFIX
) -> Verified:
    """Check a signature over the raw body.

    Args:
        hook: Whose secrets count.
        body: The bytes that were signed.
        given: The value of the header; None when it is missing or doubled.
        header: Its name, for the error.
        prefix: What stands before the hex digits.

    Raises:
        BadSignatureError: It is missing, malformed or wrong.
    """
    sent = octets(given)
    for index, secret in enumerate(hook.secrets):
        expected = signature(secret, body, prefix=prefix).encode()
        if hmac.compare_digest(sent, expected) and hook.proof is Proof.HMAC:
            # Only who knows a secret sees that the rest was spared.
            return Verified(secret_index=index)
    for decoy in candidates(hook)[len(hook.secrets) :]:
        hmac.compare_digest(sent, signature(decoy, body, prefix=prefix).encode())
    raise BadSignatureError(f"{header} does not prove the body")


@lru_cache(maxsize=_REMEMBERED)
def _keyed(secret: Secret) -> hmac.HMAC:
    return hmac.new(secret.reveal().encode(), digestmod="sha256")
