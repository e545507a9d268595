"""One HTTP request from a forge, unparsed."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

__all__ = ["Delivery", "DeliveryId", "Forge", "Headers", "delivery_id"]

DeliveryId = NewType("DeliveryId", str)
"""The id of a delivery: the same for every redelivery through the same hook."""


class Forge(StrEnum):
    """The forge whose format an endpoint reads; an endpoint reads only one."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    GITEA = "gitea"


class Headers(Protocol):
    """HTTP header fields: names in any case, values in order."""

    def getall(self, name: str, default: tuple[()], /) -> Sequence[str]:
        """Return every value of a field; the default when it is absent."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return every field, with repeated names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Headers, raw body and arrival time of one webhook request.

    The endpoint makes one for each request; the store keeps it only in the delivery
    log. It is a hint to evaluate, never a fact.
    """

    headers: Headers
    body: bytes
    """The bytes that were signed: never decoded, decompressed or re-serialised."""
    received_at: datetime

    def header(self, name: str) -> str | None:
        """Return the header's only value; None when it is absent or sent twice.

        A repeated header is ambiguous: a proxy and this service could read different
        values, so a signature sent twice is not accepted.
        """
        values = self.headers.getall(name, ())
        return values[0] if len(values) == 1 else None


def delivery_id(hook: str, forge_id: str | None, body: bytes) -> DeliveryId:
    """Derive the id of a delivery; a redelivery has the same id.

    GitHub reuses `X-GitHub-Delivery` and GitLab `Idempotency-Key` when they send
    again, and one id may go to several hooks: hook and id together are the key. A
    delivery without an id is identified by its body.
    """
    what = forge_id.encode("utf-8", "surrogateescape") if forge_id else body
    digest = hashlib.sha256(hook.encode() + b"\0" + what).hexdigest()
    return DeliveryId(f"d-{digest[:24]}")
