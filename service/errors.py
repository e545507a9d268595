"""The errors that this service raises.

Two questions decide how an error is handled: who caused it, and will it pass?

    ServiceError
      DeliveryError            caused by the sender   4xx, never retried
        BadSignatureError        401  unknown hook or wrong signature: one answer
        MalformedDeliveryError   400  the payload cannot be parsed
        OversizedDeliveryError   413
        UnsupportedMediaError    415
        ForeignRepositoryError   403  a delivery about another repository
      RequestError             caused by the caller   4xx
        NotFoundError            404  (also for lack of permission)
        ConflictError            409
        InvalidRequestError      422
        UnauthenticatedError     401
        ForbiddenError           403  an administrator's operation
        PreconditionMissingError 428
      TransientError           an outage: will pass   503 / retried later
        BusyError                this service did not come to it: not even asked
        RemoteLagsError          the forge shows the state before a push
      PermanentError           a bug or bad data      500 / dead letter
        RemoteRefusedError       the repository is gone, private or forbidden

Messages name what was seen and what was expected, and never contain a secret.
"""

from datetime import timedelta
from enum import Enum

__all__ = [
    "BadSignatureError",
    "BusyError",
    "ConflictError",
    "DeliveryError",
    "ForbiddenError",
    "ForeignRepositoryError",
    "InvalidRequestError",
    "MalformedDeliveryError",
    "NotFoundError",
    "OversizedDeliveryError",
    "PermanentError",
    "PreconditionMissingError",
    "Refusal",
    "RemoteLagsError",
    "RemoteRefusedError",
    "RequestError",
    "ServiceError",
    "TransientError",
    "UnauthenticatedError",
    "UnsupportedMediaError",
]


class ServiceError(Exception):
    """The base of all errors that this service raises."""


class DeliveryError(ServiceError):
    """A delivery that cannot be accepted; a redelivery does not help."""


class BadSignatureError(DeliveryError):
    """The delivery is not authenticated by a secret of its hook."""


class MalformedDeliveryError(DeliveryError):
    """The delivery does not have the format of its forge."""


class OversizedDeliveryError(DeliveryError):
    """The body is larger than any forge sends."""


class UnsupportedMediaError(DeliveryError):
    """The body has an unsupported content type or encoding."""


class ForeignRepositoryError(DeliveryError):
    """An authentic delivery about a repository that its hook is not bound to."""


class RequestError(ServiceError):
    """A request of a user that cannot be served.

    Args:
        message: What was seen, and what was expected.
        field: What is wrong, by its name in the command; empty where it is no one
            thing. A form shows it there.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(RequestError):
    """The resource does not exist, or the caller may not see it."""


class ConflictError(RequestError):
    """The resource is in a state that does not allow the request."""


class InvalidRequestError(RequestError):
    """The request breaks a rule that the message names."""


class UnauthenticatedError(RequestError):
    """The caller is not authenticated."""


class ForbiddenError(RequestError):
    """The caller is known, and may not do this; nothing is revealed by saying so."""


class PreconditionMissingError(RequestError):
    """The request changes something, and does not name the version that it changes."""


class TransientError(ServiceError):
    """A failure that may pass; the operation is retried.

    Args:
        message: What was seen.
        retry_after: How long the server asked to wait; None when it did not.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BusyError(TransientError):
    """This service has no place for it now; that says nothing about who was meant."""


class RemoteLagsError(TransientError):
    """The forge has sent a push and does not show it yet."""


class PermanentError(ServiceError):
    """A failure that a retry does not change; a person has to act."""


class Refusal(Enum):
    """Why a repository cannot be read, as far as the forge's answer shows."""

    ABSENT = "refused"
    """It does not exist, or may not be read: most forges give one answer for both."""
    FORBIDDEN = "forbidden"
    """It may exist, but the token is refused or lacks the permission."""
    REPLACED = "replaced"
    """Another repository has its path now; the tracked one is gone."""
    WITHHELD = "withheld"
    """The forge blocks it for everybody."""


class RemoteRefusedError(PermanentError):
    """The forge refuses to show the repository: deleted, private or forbidden.

    Args:
        message: What was seen.
        refusal: Why it is refused.
        number: The number of the repository that has its path now, when replaced.
    """

    def __init__(
        self,
        message: str,
        *,
        refusal: Refusal = Refusal.ABSENT,
        number: int | None = None,
    ) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.number = number
