"""Definitions that exceed the limits of complexity: they are not built."""

from service.definitions.text import show
from service.domain.definition import TOO_COMPLEX, NoDefinition
from service.domain.findings import Finding, Severity

__all__ = ["TooComplexError", "too_complex"]


class TooComplexError(ValueError):
    """Parsing would cost too much; the message names the excess."""


def too_complex(path: str, why: str) -> NoDefinition:
    """Return the result for a definition that is too complex.

    It is final: another evaluation of the commit would have the same result.

    Args:
        path: The file that was parsed.
        why: The excess, and the limit.
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
