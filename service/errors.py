"""What can go wrong.

Two questions decide what happens next: whose doing is it, and will it pass?

    ServiceError
      DeliveryError            the sender's doing       4xx, never retried
        BadSignatureError        401  unknown hook or wrong proof: one answer for both
        MalformedDeliveryError   400  authentic or not, it cannot be read
        OversizedDeliveryError   413
        UnsupportedMediaError    415
        ForeignRepositoryError   403  a hook speaks about a repository not its own
      RequestError             the caller's doing       4xx
        NotFoundError            404  (also for lack of permission)
        ConflictError            409
        InvalidRequestError      422
        UnauthenticatedError     401
      TransientError           nobody's doing           503 / retried later
        RemoteLagsError          the forge shows what was before a push
      PermanentError           ours or the data's       500 / dead letter
        RemoteRefusedError       the repository is gone, private or forbidden

Messages say what was seen and what was expected, and never hold a secret.
"""

from datetime import timedelta
from enum import Enum

__all__ = [
    "BadSignatureError",
    "ConflictError",
    "DeliveryError",
    "ForeignRepositoryError",
    "InvalidRequestError",
    "MalformedDeliveryError",
    "NotFoundError",
    "OversizedDeliveryError",
    "PermanentError",
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
    """Anything this service raises on purpose."""


class DeliveryError(ServiceError):
    """A delivery that cannot be accepted, whoever sends it again."""


class BadSignatureError(DeliveryError):
    """Nothing proves that the delivery comes from the hook's forge."""


class MalformedDeliveryError(DeliveryError):
    """The delivery is not what its forge sends."""


class OversizedDeliveryError(DeliveryError):
    """The body is larger than any forge sends."""


class UnsupportedMediaError(DeliveryError):
    """The body is in a content type or encoding that is not read."""


class ForeignRepositoryError(DeliveryError):
    """A genuine delivery about a repository its hook is not bound to."""


class RequestError(ServiceError):
    """A request of a user that cannot be served as it stands."""


class NotFoundError(RequestError):
    """There is no such thing, or not for this caller."""


class ConflictError(RequestError):
    """The thing is in a state that does not allow the request."""


class InvalidRequestError(RequestError):
    """The request breaks a rule that its message names."""


class UnauthenticatedError(RequestError):
    """The caller did not prove who they are."""


class TransientError(ServiceError):
    """It failed now and may well work later; the work is retried.

    Args:
        message: What was seen.
        retry_after: How long the other side asked to be left alone, when it said so.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RemoteLagsError(TransientError):
    """The forge told of a push and does not show it yet."""


class PermanentError(ServiceError):
    """Trying again changes nothing; a person has to look."""


class Refusal(Enum):
    """Why a repository cannot be read, as far as its forge lets one tell."""

    ABSENT = "refused"
    """It is not there, or not for us: most forges give one answer for both."""
    FORBIDDEN = "forbidden"
    """It may be there, and we may not read it: a token that is refused or lacks it."""
    REPLACED = "replaced"
    """Another repository has its name; the one that was followed is not there."""
    WITHHELD = "withheld"
    """The forge withholds it from everybody."""


class RemoteRefusedError(PermanentError):
    """The forge has no such repository for us: deleted, private or forbidden.

    Args:
        message: What was seen.
        refusal: Why it is refused.
        number: Of the repository that has its name now, where it was replaced.
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
