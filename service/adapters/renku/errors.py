"""What an upstream Renku refuses, and why."""

from http import HTTPStatus

from service.domain.building.failure import Failure, FailureClass
from service.errors import PermanentError

__all__ = ["CANNOT_START", "UpstreamRefusedError", "refusal_of"]

CANNOT_START = 1512
"""`CannotStartBuildError`, which comes with status 500 and never passes by itself:
https://github.com/SwissDataScienceCenter/renku-data-services (errors/errors.py)"""

_NOT_SIGNED_IN = (
    "Sign the account of this service in again: RELAUNCH_RENKU_TOKEN, or "
    "RELAUNCH_RENKU_REFRESH_TOKEN. In Renku, it also needs a connection to the "
    "repository's host where the repository is private."
)
_NO_RIGHTS = (
    "Give the account of this service the role of an editor in the project, in Renku; "
    "then request a rebuild."
)
_CANNOT = "Renku cannot build this. Correct it there; then request a rebuild."


class UpstreamRefusedError(PermanentError):
    """Renku refuses a request; asking again gives the same answer.

    Args:
        message: What was asked for, and Renku's own sentence.
        status: The HTTP status.
        code: Renku's error code; 0 where the answer has none.
    """

    def __init__(self, message: str, *, status: int, code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def refusal_of(exc: UpstreamRefusedError) -> Failure:
    """Return the failure of a build that Renku refuses."""
    hint = _CANNOT
    if exc.code != CANNOT_START:
        is_unknown = exc.status == HTTPStatus.UNAUTHORIZED
        hint = _NOT_SIGNED_IN if is_unknown else _NO_RIGHTS
    return Failure(kind=FailureClass.UPSTREAM_REFUSED, message=str(exc), hint=hint)
