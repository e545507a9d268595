"""Translate what a server answers into errors of this service."""

from http import HTTPStatus
from typing import Final

from service.errors import RemoteRefusedError, ServiceError, TransientError

__all__ = [
    "PackTooLargeError",
    "TooManyObjectsError",
    "UnsuitableError",
    "translate_status",
    "translate_text",
]

_PASSING: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_ABSENT: Final = b"not our ref"
"""`upload-pack.c` of git, and forges' servers with it: there is no such object."""


class UnsuitableError(TransientError):
    """Git's command line has to read this.

    The server speaks another protocol, lacks a capability, or sent what exceeds a limit
    or is not understood here.
    """


class PackTooLargeError(UnsuitableError):
    """A pack inflates to more than may be held in memory."""


class TooManyObjectsError(UnsuitableError):
    """A pack holds more objects than were to be expected."""


def translate_status(status: int, operation: str) -> ServiceError:
    """Translate the status of a refused request, as git's own is translated.

    Args:
        status: The status of the answer.
        operation: The purpose of the request, such as `look up a ref of https://…`.
    """
    text = f"cannot {operation}: {status}"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return UnsuitableError(text)
    is_final = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if is_final and status not in _PASSING:
        return RemoteRefusedError(text)
    return TransientError(text)


def translate_text(message: bytes) -> ServiceError:
    """Translate an error packet: https://git-scm.com/docs/gitprotocol-common."""
    if _ABSENT in message:
        return RemoteRefusedError("upload-pack: not our ref")
    # Whatever else a server writes there has no fixed meaning; git's command line meets
    # the same server, and its failure is the one that is reported.
    return UnsuitableError("the server reports an error")
