"""The trace of a push: where a step stands in it, and what is known of a finished step.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Self

__all__ = ["Span", "SpanKind", "TraceContext", "child_traceparent", "trace_id_of"]

_LENGTHS = (2, 32, 16, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """A trace, and one span of it."""

    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""

    @classmethod
    def begin(cls, unique: str) -> Self:
        """Begin a trace that is named by a text."""
        digest = hashlib.sha256(unique.encode()).hexdigest()
        return cls(trace_id=digest[:32], span_id=digest[32:48])

    @classmethod
    def parse(cls, traceparent: str | None) -> Self | None:
        """Read a `traceparent`; None where there is none, or none of ours."""
        parts = (traceparent or "").split("-")
        if tuple(map(len, parts)) != _LENGTHS:
            return None
        try:
            is_valid = all(int(part, 16) for part in parts[1:3])
        except ValueError:
            return None
        return cls(trace_id=parts[1], span_id=parts[2]) if is_valid else None

    # Span ids are derived and not drawn: the process that ends a step is seldom the one
    # that began it, and a child may be written before its parent.
    def child(self, step: str) -> Self:
        """Return the span of a step of this trace, the same in every process."""
        digest = hashlib.sha256(f"{self.trace_id} {step}".encode()).hexdigest()
        return replace(self, span_id=digest[:16])

    def to_traceparent(self) -> str:
        """Write it as a `traceparent` of a trace that is to be recorded."""
        return f"00-{self.trace_id}-{self.span_id}-01"


class SpanKind(Enum):
    """Who is on the other side of a span.

    https://opentelemetry.io/docs/specs/otel/trace/api/#spankind
    """

    SERVER = "server"
    PRODUCER = "producer"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A finished step of a trace."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    """None for the first span of a trace."""
    began: datetime
    ended: datetime
    kind: SpanKind = SpanKind.INTERNAL
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    error: str = ""
    """Why it failed; empty where it did not."""


def child_traceparent(traceparent: str | None, step: str) -> str | None:
    """Return the `traceparent` of a step that another one caused."""
    context = TraceContext.parse(traceparent)
    return context.child(step).to_traceparent() if context else traceparent


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the id of the trace that a `traceparent` names."""
    context = TraceContext.parse(traceparent)
    return context.trace_id if context else None
