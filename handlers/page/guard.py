"""Let requests of browsers in: by which name, who, and was it our page that sent it?

A browser sends its cookie with whatever any page makes it send. So that no other page
acts for a person (cross-site request forgery), a request that changes something has to
come from here: by what the browser reports of its origin, and by a token that only our
pages hold. So that no other page reads ours (DNS rebinding), the name in `Host` has to
be one of this installation.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote

from aiohttp import web

from handlers.app_keys import AUTHENTICATOR
from handlers.auth import Guard, let_in_as
from handlers.page.cookies import host_of, session_of
from handlers.page.keys import OPTIONS, SIGN_IN_PATH, PageOptions
from service.domain.hook import Secret
from service.domain.rights.caller import Caller
from service.domain.rights.decision import Permission
from service.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    TransientError,
    UnauthenticatedError,
)

__all__ = ["CSRF_FIELD", "PageGuard", "csrf_token", "is_still_let_in"]

CSRF_FIELD: Final = "csrf"
_READING: Final = frozenset({"GET", "HEAD"})
_HERE: Final = frozenset({"localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageGuard(Guard):
    """What one page needs of its callers."""

    @classmethod
    def of(cls, guard: Guard) -> Self:
        """Return the guard of a page that needs the same as a route of the API."""
        return cls(
            permission=guard.permission,
            subject=guard.subject,
            parameter=guard.parameter,
        )

    async def let_in(self, request: web.Request) -> None:
        """Let a request pass whose person has the permission.

        Raises:
            InvalidRequestError: It names a host that is not this installation's.
            ForbiddenError: Another page sent it; or only an administrator may.
            NotFoundError: The person lacks the role, or there is nothing.
            HTTPSeeOther: Nobody is signed in; reading goes on after signing in.
        """
        # Before anything is read or signed in: under a foreign name the page of that
        # name is the same origin, and could read the answer.
        request[_GUARD] = self
        _check_host(request, request.app[OPTIONS])
        if request.method not in _READING:
            await _check_origin(request)
        if self.permission is Permission.OPEN:
            return
        await let_in_as(await self._caller(request), request, self)

    async def _caller(self, request: web.Request) -> Caller:
        try:
            caller = await request.app[AUTHENTICATOR].authenticate(session_of(request))
        except UnauthenticatedError:
            raise web.HTTPSeeOther(_sign_in(request)) from None
        if caller.is_anonymous and self.permission.needs_credential:
            raise web.HTTPSeeOther(_sign_in(request))
        return caller


_GUARD: Final = web.RequestKey[PageGuard]("page_guard")


async def is_still_let_in(request: web.Request) -> bool:
    """Return whether a request that lasts would be let in again: session and role."""
    try:
        await request[_GUARD].let_in(request)
    except (web.HTTPSeeOther, ForbiddenError, NotFoundError):
        return False
    except TransientError:
        # Nothing is known against it: an outage cuts nobody off.
        return True
    return True


def csrf_token(session: Secret | None) -> str:
    """Return what a form of a session has to send back.

    Derived from the session, which scripts cannot read and other pages do not know.
    """
    if session is None:
        return ""
    return hashlib.sha256(f"csrf:{session.reveal()}".encode()).hexdigest()[:40]


def _check_host(request: web.Request, options: PageOptions) -> None:
    """Refuse names that somebody else may point at this address.

    An address is no name that can be pointed elsewhere, and `localhost` is nobody's.
    """
    host = host_of(request)
    if host in {*_HERE, options.public_host, *options.hosts} or _is_address(host):
        return
    raise InvalidRequestError(
        "The page does not answer under this name; expected the one of the public URL "
        "(RELAUNCH_PUBLIC_URL), or one in RELAUNCH_PAGE_HOSTS."
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.endswith(".localhost")
    return True


async def _check_origin(request: web.Request) -> None:
    """Refuse what another page sent.

    https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """
    # Browsers before 2023 do not send it; the token below holds for them.
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin", "")
    is_ours = origin.partition("://")[2] == request.host if origin else True
    if site not in {"same-origin", "none"} or not is_ours:
        raise ForbiddenError("Another page sent this; nothing was done.")
    expected = csrf_token(session_of(request))
    sent = str((await request.post()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(sent.encode("utf-8", "replace"), expected.encode()):
        raise ForbiddenError(
            "The form is of another session; load the page again and send it once more."
        )


def _sign_in(request: web.Request) -> str:
    # What was sent by a form is lost by then; a link back to it would be a GET.
    if request.method not in _READING or request.path == "/":
        return SIGN_IN_PATH
    return f"{SIGN_IN_PATH}?next={quote(request.path, safe='/')}"
