"""GitHub's signature: an HMAC-SHA256 of the raw body, in hex.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hmac

from service.domain.hook import Secret

__all__ = ["signature"]


def signature(secret: Secret, body: bytes) -> str:
    """Return the value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.digest(secret.reveal().encode(), body, "sha256").hex()
