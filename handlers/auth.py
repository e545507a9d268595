"""Who may use the REST API: whoever shows the token."""

import hmac
from typing import Final

from aiohttp import web

from handlers.keys import TOKEN
from service.domain.hook import Secret
from service.errors import UnauthenticatedError

__all__ = ["authenticate", "needs_token"]

PREFIX: Final = "/api/"

OPEN: Final = frozenset({"/api/spec.json", "/api/events", "/api/data/version"})
"""Read by tools before they have a token."""


def needs_token(path: str) -> bool:
    """Say whether a path is only for callers with the token."""
    return path.startswith(PREFIX) and path not in OPEN


def authenticate(request: web.Request) -> None:
    """Let a request to the REST API pass that shows the token.

    Raises:
        UnauthenticatedError: It shows none, another or several.
    """
    if needs_token(request.path):
        _check(request.headers.getall("Authorization", []), request.app[TOKEN])


def _check(given: list[str], token: Secret) -> None:
    header = given[0] if len(given) == 1 else ""
    scheme, _, shown = header.partition(" ")
    # Bytes: `compare_digest` raises on text that is not ASCII.
    is_same = hmac.compare_digest(
        shown.strip().encode("utf-8", "surrogateescape"), token.reveal().encode()
    )
    if scheme.lower() != "bearer" or not is_same:
        raise UnauthenticatedError(
            "You have to be authenticated to perform this operation; expected the "
            "header Authorization: Bearer with the service's token."
        )
