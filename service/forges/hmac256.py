"""GitHub's signature: an HMAC-SHA256 of the raw body, in hex.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hmac
from functools import lru_cache
from typing import Final

from service.domain.hook import Secret

__all__ = ["signature"]


_REMEMBERED: Final = 1000
"""Secrets; making one ready costs as much as a third of a usual body."""


def signature(secret: Secret, body: bytes) -> str:
    """Return the value of `X-Hub-Signature-256`."""
    mac = _keyed(secret).copy()
    mac.update(body)
    return "sha256=" + mac.hexdigest()


@lru_cache(maxsize=_REMEMBERED)
def _keyed(secret: Secret) -> hmac.HMAC:
    return hmac.new(secret.reveal().encode(), digestmod="sha256")
