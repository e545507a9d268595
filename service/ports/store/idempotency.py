"""The port of requests that are answered once, by their `Idempotency-Key`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["IdempotencyKeys", "KeptAnswer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """A request with a key, and its answer."""

    request: str
    """The digest of the request."""
    status: int | None
    """None while it is not answered."""
    body: str
    headers: Mapping[str, str]


class IdempotencyKeys(Protocol):
    """Requests by key, and their answers, for a while."""

    async def begin(
        self, key: str, *, request: str, at: datetime, forget: datetime, late: datetime
    ) -> KeptAnswer | None:
        """Note a request; return the one that came with the key before, if any.

        Args:
            key: The key.
            request: The digest of the request.
            at: The present.
            forget: Requests before it are removed.
            late: Requests before it without an answer were interrupted, and count as
                if they had not come.
        """
        ...

    async def finish(
        self, key: str, *, status: int, body: str, headers: Mapping[str, str]
    ) -> None:
        """Keep the answer of a request."""
        ...

    async def remove(self, key: str) -> None:
        """Forget a request that was refused, so that it may be sent again."""
        ...
