"""Definitions that no parser of ours gets through: they are not built."""

from service.definitions.text import show
from service.domain.definition import TOO_COMPLEX, UNREAD, NoDefinition
from service.domain.findings import Finding, Severity

__all__ = ["TooComplexError", "too_complex", "unread"]


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
    return _no_definition(path, message, TOO_COMPLEX)


def unread(path: str) -> NoDefinition:
    """Return the result for a definition that a parser failed over by a fault of ours.

    Args:
        path: The file that was parsed.
    """
    message = (
        f"{show(path)} brings out a fault of this service, which could not read it;"
        " the log says where. Nothing is built from it; write it more plainly, or"
        " report the fault."
    )
    return _no_definition(path, message, UNREAD)


def _no_definition(path: str, message: str, reason: str) -> NoDefinition:
    finding = Finding(
        severity=Severity.ERROR, code=reason, message=message, path=show(path)
    )
    return NoDefinition(items=(), message=message, findings=(finding,), reason=reason)
