"""Translation of the API server's errors into the service's errors."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from aiohttp import ClientError
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.config import ConfigException

from service.errors import (
    ConflictError,
    NotFoundError,
    PermanentError,
    ServiceError,
    TransientError,
)

__all__ = ["ApiRefusedError", "ExpiredError", "failure", "translate_errors"]

LOST: Final = (ClientError, OSError, TimeoutError, ValueError)
"""Exceptions of a broken connection; a `ValueError` is a truncated JSON document."""


class ExpiredError(TransientError):
    """A resource version is older than the API server's history: list again.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
    """


class ApiRefusedError(TransientError):
    """Permissions, a quota or a webhook do not allow it; work waits for an operator.

    Status 403 for a quota: https://kubernetes.io/docs/concepts/policy/resource-quotas/
    """


_WEBHOOK_AWAY: Final = re.compile(r"failed calling (?:admission )?webhook")
"""The message of status 500 when a webhook with `failurePolicy: Fail` does not answer:
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy"""


_TEMPORARY: Final = frozenset({0, 408, 429})
"""Statuses of temporary errors; the library has 0 for a missing response."""
_BY_STATUS: Final[Mapping[int, Callable[[str], ServiceError]]] = {
    401: ApiRefusedError,
    403: ApiRefusedError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
}


def failure(status: int, body: bytes | str, *, doing: str) -> ServiceError:
    """Create the error for a response of this status.

    Args:
        status: The status of the response, or of the `Status` object in a watch.
        body: The body of the response; usually a `Status`.
        doing: The operation, for the message.
    """
    status_object = _parse_status(body)
    message = f"{doing}: {status} {status_object.get('message') or ''}".rstrip()
    # Before the check of 5xx: the API server answers 500 for a webhook that is away. As
    # a passing error it would be retried at once, with nothing shown to an operator.
    if _WEBHOOK_AWAY.search(message):
        return ApiRefusedError(message)
    # 429 comes from API Priority and Fairness, with the time to wait in the body's
    # details and not only in a header.
    if status in _TEMPORARY or status >= 500:  # noqa: PLR2004 - RFC 9110 §15.6
        return TransientError(message, retry_after=_read_retry_after(status_object))
    return _BY_STATUS.get(status, PermanentError)(message)


@contextmanager
def translate_errors(doing: str) -> Iterator[None]:
    """Translate exceptions of the library and its connections inside the block."""
    try:
        yield
    except ApiException as exc:
        raise failure(exc.status or 0, exc.body or "", doing=doing) from exc
    except ConfigException as exc:
        raise PermanentError(f"{doing}: {exc}") from exc
    except LOST as exc:
        text = str(exc) or type(exc).__name__
        raise TransientError(f"{doing}: {text}") from exc


def _parse_status(body: bytes | str) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        status = json.loads(body)
        if isinstance(status, dict):
            return status
    return {}


def _read_retry_after(status_object: dict[str, Any]) -> timedelta | None:
    seconds = (status_object.get("details") or {}).get("retryAfterSeconds")
    return timedelta(seconds=seconds) if seconds else None
