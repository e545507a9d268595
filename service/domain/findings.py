"""Findings: errors, warnings and notes about a definition."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Severity"]


class Severity(Enum):
    """The severity of a finding."""

    ERROR = "error"
    """The build would fail."""
    WARNING = "warning"
    """The build works, but perhaps not as the author expects."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One error, warning or note about a definition, with its position in the file."""

    severity: Severity
    code: str
    """A machine-readable code, such as `nodefaults_added`."""
    message: str
    """One sentence: the problem, its effect, and the fix."""
    path: str = ""
    """From the root of the repository; empty when no single file is concerned."""
    line: int | None = None
    column: int | None = None
