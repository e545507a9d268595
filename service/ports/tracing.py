"""The port of traces: finished spans go to whoever keeps them."""

from collections.abc import Iterable
from typing import Protocol

from service.events.trace import Span

__all__ = ["Tracer"]


class Tracer(Protocol):
    """Takes the spans of traces."""

    def record(self, spans: Iterable[Span]) -> None:
        """Take spans; at once and without an error, whatever becomes of them."""
        ...
