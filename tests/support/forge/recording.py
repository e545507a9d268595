"""What the forge was asked."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request that the forge answered."""

    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, str]
    status: int
    authorization: str
    """Tells tokens apart; empty when there was none."""
    is_api: bool
    """Otherwise it was git's."""
    is_conditional: bool
