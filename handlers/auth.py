"""Let requests to the REST API in: who calls, and may they?"""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from handlers.app_keys import AUTHENTICATOR, AUTHORIZER
from service.domain.hook import Secret
from service.domain.rights.caller import ANONYMOUS, Caller
from service.domain.rights.decision import Permission, Subject
from service.errors import TransientError, UnauthenticatedError

__all__ = [
    "Guard",
    "caller_of",
    "is_known",
    "is_still_let_in",
    "let_in_as",
    "normalize_id",
]

PREFIX: Final = "/api/"
_CALLER: Final = web.RequestKey[Caller]("caller")
_ULID: Final = re.compile("[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What one route needs of its callers."""

    permission: Permission
    subject: Subject | None = None
    """What the path names, where that decides."""
    parameter: str = ""
    """The name of the parameter of the path that names it."""
    may_be_gone: bool = False
    """Whether what does not exist is answered 204, as Renku answers removals of it."""

    async def let_in(self, request: web.Request) -> None:
        """Let a request pass whose caller has the permission.

        Raises:
            UnauthenticatedError: Its credential is wrong, or missing.
            ForbiddenError: Only an administrator may.
            NotFoundError: The caller lacks the role, or there is nothing.
        """
        if not self.permission.reads_credentials:
            return
        # Whatever else no route is for tells nothing of the service.
        if not request.path.startswith(PREFIX):
            return
        credential = _credential(request.headers.getall("Authorization", []))
        caller = await request.app[AUTHENTICATOR].authenticate(credential)
        await let_in_as(caller, request, self)


async def let_in_as(caller: Caller, request: web.Request, guard: Guard) -> None:
    """Let a request of a caller pass who has the permission; raises as `Guard`."""
    request[_CALLER] = caller
    authorizer = request.app[AUTHORIZER]
    permission, subject = guard.permission, guard.subject
    name = normalize_id(request.match_info.get(guard.parameter, ""))
    # As of what is gone, also of what the caller cannot see: another answer would
    # show that it is there.
    if guard.may_be_gone and subject is not None and _ULID.fullmatch(name):
        is_hidden = await authorizer.is_hidden(caller, permission, subject, name)
        if is_hidden:
            raise web.HTTPNoContent
    await authorizer.check(caller, permission, subject, name)


def caller_of(request: web.Request) -> Caller:
    """Return who sent a request that was let in."""
    return request[_CALLER] if _CALLER in request else ANONYMOUS  # noqa: SIM401 - typed


async def is_still_let_in(request: web.Request) -> bool:
    """Return whether the credential of a request that lasts is still good."""
    credential = _credential(request.headers.getall("Authorization", []))
    try:
        caller = await request.app[AUTHENTICATOR].authenticate(credential)
    except UnauthenticatedError:
        return False
    except TransientError:
        # Nothing is known against it: an outage cuts nobody off.
        return True
    return caller == caller_of(request)


def is_known(request: web.Request) -> bool:
    """Return whether the caller proved who they are."""
    return not caller_of(request).is_anonymous


def _credential(given: list[str]) -> Secret | None:
    """Return the bearer token of a request; None without the header.

    Raises:
        UnauthenticatedError: The header is there, and holds no one bearer token.
    """
    if not given:
        return None
    scheme, _, shown = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not shown.strip():
        raise UnauthenticatedError(
            "You have to be authenticated to perform this operation; expected one "
            "header Authorization: Bearer with a token."
        )
    return Secret(shown.strip())


def normalize_id(name: str) -> str:
    """Return an id as it is stored: ULIDs in capitals, whatever case was sent."""
    return name.upper() if _ULID.fullmatch(name) else name
