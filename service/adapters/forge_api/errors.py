"""Translate the answers of a forge's API into errors of this service."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from service.errors import Refusal, RemoteRefusedError, ServiceError, TransientError

__all__ = [
    "BudgetSpentError",
    "TokenRefusedError",
    "TooLargeError",
    "UnprovenAnswerError",
    "is_limit",
    "retry_after",
    "to_one_line",
    "translate_failure",
]

UNNAMED_WAIT: Final = timedelta(minutes=1)
"""After a secondary rate limit without a time: "wait for at least one minute".
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
MAX_RETRY_AFTER: Final = timedelta(hours=2)
"""The longest wait that an answer may demand; rate limits are counted by the hour."""


class BudgetSpentError(TransientError):
    """The rate limit of the token is exhausted for now; plain git needs no token."""


class TokenRefusedError(RemoteRefusedError):
    """The forge refuses the token, or this use of it; plain git needs no token."""


class UnprovenAnswerError(TransientError):
    """An answer is not what was requested: it is truncated, inexact or too large."""


class TooLargeError(UnprovenAnswerError):
    """An answer exceeds the size limit; plain git may still read the object."""

    status = 0
    """What it began with."""


def is_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Return whether an answer reports a rate limit, in any forge's form."""
    # GitHub answers 403 for both of its limits, and not always with `retry-after`.
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    return status == HTTPStatus.FORBIDDEN and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in message.lower()
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Parse how long to wait: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after.

    None when the header is missing or invalid.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        wait = (
            timedelta(seconds=int(text[:9]))
            # At most nine digits: a number beyond that overflows timedelta.
            if text.isdigit()
            else parsedate_to_datetime(text) - now
        )
    except (TypeError, ValueError):
        return None
    return max(timedelta(0), min(wait, MAX_RETRY_AFTER))


def to_one_line(message: object) -> str:
    """Return a remote's message as one short line without control characters."""
    return "".join(char for char in str(message) if char.isprintable())[:200]


def translate_failure(
    status: int, operation: str, message: str, *, wait: timedelta | None = None
) -> ServiceError:
    """Translate a failed request into an error.

    Args:
        status: The status of the answer.
        operation: The purpose of the request, such as `look up a ref of https://…`.
        message: The reason that the forge gave.
        wait: How long the forge asked to wait.
    """
    reason = to_one_line(message)
    text = f"cannot {operation}: {status}" + (f" {reason}" if reason else "")
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            # Not final for public repositories: git reads those without a token
            # (`RoutedRemote`).
            return TokenRefusedError(text, refusal=Refusal.FORBIDDEN)
        case HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
            return RemoteRefusedError(text, refusal=Refusal.WITHHELD)
        case (
            HTTPStatus.BAD_REQUEST
            | HTTPStatus.NOT_FOUND
            | HTTPStatus.GONE
            | HTTPStatus.UNPROCESSABLE_ENTITY
        ):
            return RemoteRefusedError(text)
        case _:
            return TransientError(text, retry_after=wait)
