"""What goes wrong with an API server, in our words."""

import json
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

__all__ = ["ExpiredError", "RefusedError", "failure", "translated"]

LOST: Final = (ClientError, OSError, TimeoutError, ValueError)
"""What a connection that breaks raises; a `ValueError` is half a JSON document."""


class ExpiredError(TransientError):
    """A resource version is older than what the API server remembers: list again.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
    """


class RefusedError(TransientError):
    """Rights or a quota do not allow it; both are an operator's to mend, so work waits.

    https://kubernetes.io/docs/concepts/policy/resource-quotas/ has 403 for a quota.
    """


_PASSING: Final = frozenset({0, 408, 429})
"""The library says 0 when there was no answer."""
_BY_STATUS: Final[Mapping[int, Callable[[str], ServiceError]]] = {
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
}


def failure(status: int, said: bytes | str, *, doing: str) -> ServiceError:
    """Say what an answer with this status means.

    Args:
        status: The status of the answer, or of the `Status` object in a watch.
        said: The answer's body; mostly a `Status`.
        doing: What was asked for.
    """
    about = _status(said)
    message = f"{doing}: {status} {about.get('message') or ''}".rstrip()
    if status in _PASSING or status >= 500:  # noqa: PLR2004 - RFC 9110 §15.6
        return TransientError(message, retry_after=_retry_after(about))
    return _BY_STATUS.get(status, PermanentError)(message)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what the library and its connections raise inside as our errors."""
    try:
        yield
    except ApiException as exc:
        raise failure(exc.status or 0, exc.body or "", doing=doing) from exc
    except ConfigException as exc:
        raise PermanentError(f"{doing}: {exc}") from exc
    except LOST as exc:
        text = str(exc) or type(exc).__name__
        raise TransientError(f"{doing}: {text}") from exc


def _status(said: bytes | str) -> dict[str, Any]:
    with suppress(ValueError):
        read = json.loads(said)
        if isinstance(read, dict):
            return read
    return {}


def _retry_after(about: dict[str, Any]) -> timedelta | None:
    seconds = (about.get("details") or {}).get("retryAfterSeconds")
    return timedelta(seconds=seconds) if seconds else None
