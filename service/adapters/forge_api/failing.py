"""What the answers of an API mean for whoever asked."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from service.errors import Refusal, RemoteRefusedError, ServiceError, TransientError

__all__ = [
    "BudgetSpentError",
    "TokenRefusedError",
    "UnprovenAnswerError",
    "failure",
    "is_limit",
    "retry_after",
]

UNNAMED_WAIT: Final = timedelta(minutes=1)
"""After a secondary limit that names no time: "wait for at least one minute".
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
LONGEST_WAIT: Final = timedelta(hours=2)
"""Whatever an answer asks for; limits are counted by the hour."""


class BudgetSpentError(TransientError):
    """The token may not ask any more for now; plain git needs none."""


class TokenRefusedError(RemoteRefusedError):
    """The forge does not take the token, or not for this; plain git needs none."""


class UnprovenAnswerError(TransientError):
    """An answer does not have the id that was asked for: it is cut, or not exact."""


def is_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Say whether an answer means "too many requests", in any forge's words."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    return status == HTTPStatus.FORBIDDEN and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in message.lower()
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read how long to wait: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after.

    None when the answer does not say it, or not readably.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        wait = (
            timedelta(seconds=int(text[:9]))
            if text.isdigit()
            else parsedate_to_datetime(text) - now
        )
    except (TypeError, ValueError):
        return None
    return max(timedelta(0), min(wait, LONGEST_WAIT))


def failure(
    status: int, doing: str, said: str, *, wait: timedelta | None = None
) -> ServiceError:
    """Say in our terms why a request failed.

    Args:
        status: The answer's status.
        doing: What was asked for, such as `look up a ref of https://…`.
        said: What the forge gave as the reason.
        wait: How long it asked to be left alone.
    """
    reason = "".join(it for it in said if it.isprintable())[:200]
    message = f"cannot {doing}: {status}" + (f" {reason}" if reason else "")
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return TokenRefusedError(message, refusal=Refusal.FORBIDDEN)
        case HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
            return RemoteRefusedError(message, refusal=Refusal.WITHHELD)
        case (
            HTTPStatus.BAD_REQUEST
            | HTTPStatus.NOT_FOUND
            | HTTPStatus.GONE
            | HTTPStatus.UNPROCESSABLE_ENTITY
        ):
            return RemoteRefusedError(message)
        case _:
            return TransientError(message, retry_after=wait)
