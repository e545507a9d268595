"""The cookies that hold a person's session, and an attempt to begin one.

https://www.rfc-editor.org/rfc/rfc6265bis
"""

from datetime import timedelta
from typing import Final

from aiohttp import web

from handlers.page.keys import OPTIONS
from service.domain.hook import Secret
from service.usecases.rights.sign_in import SESSION_LIFE

__all__ = [
    "clear_attempt",
    "clear_session",
    "cookie_name",
    "give_attempt",
    "give_session",
    "host_of",
    "record_of",
    "session_of",
]

_LONGEST: Final = 200
"""Sessions have 47 characters."""
_ATTEMPT: Final = "-sign-in"
_LONGEST_RECORD: Final = 1600
"""A record of an attempt holds a path of ours: 500 characters, each quoted as three."""


def host_of(request: web.Request) -> str:
    """Return the name in `Host`, without port and brackets, in lower case."""
    name = request.host.lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if ":" in name else name


def _is_secure(request: web.Request) -> bool:
    """Return whether the person came by HTTPS: by the public URL, if that is one.

    What ends TLS before us says so nowhere that can be trusted; the name can be.
    """
    options = request.app[OPTIONS]
    return options.is_secure and host_of(request) == options.public_host


def cookie_name(request: web.Request, kind: str = "") -> str:
    """Return the name of a cookie: the session's, or another kind's.

    By HTTPS with a prefix that keeps other hosts of the domain from setting it. By HTTP
    with the port: browsers give a cookie to all ports of a host, and two services on
    one machine would sign each other's people out.
    """
    if _is_secure(request):
        return f"__Host-relaunch{kind}"
    return f"relaunch{kind}-{request.url.port}"


def session_of(request: web.Request) -> Secret | None:
    """Return the session that a request shows; None without one."""
    # Longer ones are nobody's, and would be hashed and searched for.
    text = request.cookies.get(cookie_name(request), "")
    return Secret(text) if text and len(text) <= _LONGEST else None


def give_session(
    request: web.Request, response: web.StreamResponse, session: Secret
) -> None:
    """Have the browser keep a session; no script reads it, no other site sends it."""
    _give(request, response, cookie_name(request), session, life=SESSION_LIFE)


def clear_session(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser forget its session."""
    _clear(request, response, cookie_name(request))


def record_of(request: web.Request) -> Secret | None:
    """Return the record of an attempt to sign in at the provider; None without one."""
    text = request.cookies.get(cookie_name(request, _ATTEMPT), "")
    return Secret(text) if text and len(text) <= _LONGEST_RECORD else None


def give_attempt(
    request: web.Request,
    response: web.StreamResponse,
    record: Secret,
    *,
    life: timedelta,
) -> None:
    """Have the browser keep the record of an attempt until it comes back."""
    _give(request, response, cookie_name(request, _ATTEMPT), record, life=life)


def clear_attempt(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser forget its attempt: an answer is taken once."""
    _clear(request, response, cookie_name(request, _ATTEMPT))


def _give(
    request: web.Request,
    response: web.StreamResponse,
    name: str,
    value: Secret,
    *,
    life: timedelta,
) -> None:
    response.set_cookie(
        name,
        value.reveal(),
        max_age=int(life.total_seconds()),
        path="/",
        httponly=True,
        # Lax, not Strict: who comes back from the identity provider is signed in.
        samesite="Lax",
        secure=_is_secure(request),
    )


def _clear(request: web.Request, response: web.StreamResponse, name: str) -> None:
    response.del_cookie(
        name, path="/", httponly=True, samesite="Lax", secure=_is_secure(request)
    )
