"""Errors of the steps of a build."""

from service.domain.building.failure import Failure, FailureClass

__all__ = ["StepFailedError", "StoppedError"]


class StepFailedError(Exception):
    """A tool failed; the transcript holds its output.

    Args:
        code: Its exit status; negative for the signal that killed it.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"a tool ended with status {code}")
        self.code = code


class StoppedError(Exception):
    """The build cannot go on, for a known reason."""

    def __init__(
        self,
        kind: FailureClass,
        message: str,
        *,
        hint: str = "",
        path: str = "",
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(
            kind=kind, message=message, hint=hint, path=path, line=line
        )
