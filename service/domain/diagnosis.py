"""Results of the checks that an operator runs before the first build."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

__all__ = ["CheckResult", "CheckStatus", "has_failed"]


class CheckStatus(Enum):
    """The result of a check, worst last."""

    OK = "ok"
    WARNING = "warning"
    """Builds may work; a part is not as expected, or cannot be checked."""
    FAILED = "failed"
    """No build can work before it is fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One line of a diagnosis."""

    subject: str
    """What was checked, such as `Secret renku-build-docker-secret`."""
    status: CheckStatus
    seen: str
    advice: str = ""
    """How to fix it; empty when there is nothing to do."""

    @classmethod
    def ok(cls, subject: str, seen: str) -> "CheckResult":
        """Make the result of a check that passed."""
        return cls(subject=subject, status=CheckStatus.OK, seen=seen)

    @classmethod
    def warning(cls, subject: str, seen: str, advice: str = "") -> "CheckResult":
        """Make the result of a check that found a possible problem."""
        return cls(
            subject=subject, status=CheckStatus.WARNING, seen=seen, advice=advice
        )

    @classmethod
    def failed(cls, subject: str, seen: str, advice: str = "") -> "CheckResult":
        """Make the result of a check that found a problem of every build."""
        return cls(subject=subject, status=CheckStatus.FAILED, seen=seen, advice=advice)


def has_failed(results: Iterable[CheckResult]) -> bool:
    """Return whether any check failed."""
    return any(result.status is CheckStatus.FAILED for result in results)
