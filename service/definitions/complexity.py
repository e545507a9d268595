"""Definitions that cost more to read than any real one: nothing is built from them."""

from service.definitions.words import show
from service.domain.definition import TOO_COMPLEX, NoDefinition
from service.domain.findings import Finding, Severity

__all__ = ["TooComplexError", "too_complex"]


class TooComplexError(ValueError):
    """Reading it would cost too much; the message says what was seen."""


def too_complex(path: str, why: str) -> NoDefinition:
    """Say so once and for all: the next look at this commit would end alike.

    Args:
        path: The file that was read.
        why: What was seen, and the limit.
    """
    message = (
        f"{show(path)} is too complex: {why}. Nothing is built from it; take out what"
        " repeats or nests itself, or make it smaller."
    )
    finding = Finding(
        severity=Severity.ERROR, code=TOO_COMPLEX, message=message, path=show(path)
    )
    return NoDefinition(
        items=(), message=message, findings=(finding,), reason=TOO_COMPLEX
    )
