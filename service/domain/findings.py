"""What a user should know about a definition."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Severity"]


class Severity(Enum):
    """How much a finding matters."""

    ERROR = "error"
    """The build would fail."""
    WARNING = "warning"
    """The build works, and not as one may think."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark, at one place, with its mend where there is one."""

    severity: Severity
    code: str
    """A machine word, such as `nodefaults_added`."""
    message: str
    """One sentence: what was seen, what follows, what to do."""
    path: str = ""
    """From the root of the repository; empty when it concerns no single file."""
    line: int | None = None
    column: int | None = None
