"""One HTTP request from a forge, as it came."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

__all__ = ["Delivery", "DeliveryId", "Forge", "Headers", "delivery_id"]

DeliveryId = NewType("DeliveryId", str)
"""Our id of a delivery: the same for every redelivery through the same hook."""


class Forge(StrEnum):
    """Whose format an endpoint reads; one endpoint never reads another's."""

    GITHUB = "github"
    GITLAB = "gitlab"


class Headers(Protocol):
    """Header fields as a server has them: names in any case, values in order."""

    def getall(self, name: str, default: tuple[()], /) -> Sequence[str]:
        """Return every value of a name; the default when there is none."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return every field, also those of one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Headers, raw body and arrival time of one request."""

    headers: Headers
    body: bytes
    """The bytes that were signed: never decoded, decompressed or re-serialised."""
    received_at: datetime

    def header(self, name: str) -> str | None:
        """Return the header's only value; None when it is absent or sent twice.

        A header sent twice proves nothing: two readers could take different ones.
        """
        values = self.headers.getall(name, ())
        return values[0] if len(values) == 1 else None


def delivery_id(hook: str, forge_id: str | None, body: bytes) -> DeliveryId:
    """Name a delivery so that a redelivery has the same name.

    GitHub reuses `X-GitHub-Delivery` and GitLab `Idempotency-Key` when they send
    again, and one id may go to several hooks: hook and id together are the key. A
    delivery without an id is named by its body.
    """
    what = forge_id.encode("utf-8", "surrogateescape") if forge_id else body
    digest = hashlib.sha256(hook.encode() + b"\0" + what).hexdigest()
    return DeliveryId(f"d-{digest[:24]}")
