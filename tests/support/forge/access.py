"""Who asks, and what they may."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from tests.support.forge.repositories import HostedRepo

OWNER_TOKEN: Final = "token-of-the-owner"
READER_TOKEN: Final = "token-without-rights"
ANONYMOUS: Final = "anonymous"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a request: nobody, somebody, or the owner of everything."""

    name: str
    token: str = ""
    is_owner: bool = False
    may_change: bool = True
    """Whether a fine-grained token of the owner's may write what it may read.

    https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens
    """

    @property
    def is_known(self) -> bool:
        return self.name != ANONYMOUS

    def may_read(self, repo: HostedRepo) -> bool:
        is_open = repo.visibility == "public"
        return (
            is_open
            or self.is_owner
            or (repo.visibility == "internal" and self.is_known)
        )

    def may_write(self, repo: HostedRepo) -> bool:
        return self.is_owner and not repo.is_archived


CALLER: Final = web.RequestKey("caller", Caller)
"""Who made a request, once its token was looked at."""


class Tokens:
    """The tokens that the forge knows."""

    def __init__(self) -> None:
        self._callers = {
            OWNER_TOKEN: Caller("owner", OWNER_TOKEN, is_owner=True),
            READER_TOKEN: Caller("reader", READER_TOKEN),
        }

    def add(
        self, token: str, name: str, *, is_owner: bool = False, may_change: bool = True
    ) -> None:
        """Know a token, or give one that is known other permissions."""
        self._callers[token] = Caller(name, token, is_owner, may_change)

    def revoke(self, token: str) -> None:
        self._callers.pop(token, None)

    def caller(self, token: str | None) -> Caller | None:
        """Return who a token stands for; None when it is nobody's."""
        return self._callers.get(token) if token else Caller(ANONYMOUS)


def token_in(request: web.Request) -> str | None:
    """Return the token of a request, however it is carried."""
    private = request.headers.get("Private-Token")
    if private is not None:
        return private
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer" | "token":
            return given.strip()
        case "basic":
            return _password(given)
        case _:
            return None


def _password(given: str) -> str:
    try:
        decoded = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "unreadable"
    return decoded.partition(":")[2]


def fingerprint(token: str | None) -> str:
    """Return what tells tokens apart without telling them."""
    return hashlib.sha256(token.encode()).hexdigest()[:8] if token else ""
