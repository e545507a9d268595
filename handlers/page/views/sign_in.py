"""Sign in and out: by a link from the terminal, or with a token."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.app_keys import AUTHENTICATOR, SIGN_IN
from handlers.page.context import field, show
from handlers.page.cookies import clear_session, give_session, host_of, session_of
from handlers.page.keys import OPTIONS, SIGN_IN_PATH
from service.domain.hook import Secret
from service.errors import TransientError, UnauthenticatedError

__all__ = [
    "ask",
    "local_path",
    "path_of",
    "show_sign_in",
    "show_signed_out",
    "sign_in",
    "sign_out",
    "welcome",
]

HOME: Final = "/"
SIGNED_OUT: Final = f"{SIGN_IN_PATH}/ended"
"""Below a path that leads here already, wherever an Ingress lists them."""
_LONGEST_PATH: Final = 500
"""Longer than any of ours."""


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Begin the session of a one-time code, or ask how to sign in."""
    code = request.query.get("code", "")
    if not code:
        return ask(request)
    try:
        session = await request.app[SIGN_IN].redeem_code(Secret(code))
    except UnauthenticatedError as exc:
        return ask(request, problem=str(exc))
    # Elsewhere at once: the code is of no use any more, and stays in no history.
    return welcome(request, session, path_of(request))


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Begin a session with a token that a person pasted."""
    token = await field(request, "token", longest=20_000)
    try:
        caller = await request.app[AUTHENTICATOR].authenticate(Secret(token or "-"))
    except UnauthenticatedError:
        problem = "No such token is known here; nothing else was wrong."
        return ask(request, mistake=problem)
    session = await request.app[SIGN_IN].begin(caller, Secret(token))
    return welcome(request, session, path_of(request))


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session, here and in every process."""
    session = session_of(request)
    if session is not None:
        await request.app[SIGN_IN].end(session)
    # Not to the provider at once: no page of ours sends forms to other sites, and
    # browsers follow the answer to a form by the same rule (`form-action`).
    after = SIGNED_OUT if request.app[OPTIONS].sign_in.name else SIGN_IN_PATH
    answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": after})
    clear_session(request, answer)
    return answer


async def show_signed_out(request: web.Request) -> web.Response:
    """Show that the session here has ended, and where the provider's does."""
    options = request.app[OPTIONS]
    try:
        url = await options.sign_in.sign_out_url(back=options.signed_out_url)
    except TransientError:
        url = ""
    return show(request, "signed_out.html", provider=options.sign_in.name, url=url)


def ask(
    request: web.Request,
    *,
    problem: str = "",
    mistake: str = "",
    status: int = HTTPStatus.UNAUTHORIZED,
    path: str | None = None,
) -> web.Response:
    """Ask a person how to sign in, and show what was wrong before."""
    options = request.app[OPTIONS]
    # The provider leads back to the public name, and a cookie of another name does not
    # come along: whoever is elsewhere begins there.
    is_public = host_of(request) == options.public_host
    return show(
        request,
        "sign_in.html",
        status=status if problem or mistake else HTTPStatus.OK,
        problem=problem,
        mistakes={"token": mistake} if mistake else {},
        next=path_of(request) if path is None else path,
        provider=options.sign_in.name,
        root="" if is_public else options.public_url.rstrip("/"),
    )


def welcome(request: web.Request, session: Secret, path: str) -> web.Response:
    """Give a session to a browser, and lead on to a path of ours."""
    answer = web.Response(
        status=HTTPStatus.SEE_OTHER,
        headers={"Location": path, "Cache-Control": "no-store"},
    )
    give_session(request, answer, session)
    return answer


def path_of(request: web.Request) -> str:
    """Return where a person wanted to go: a path of ours, and never another site."""
    return local_path(request.query.get("next", HOME))


def local_path(path: str) -> str:
    """Return a path, if it can lead to nothing but a page of ours; else the first."""
    is_ours = path.startswith("/") and path[1:2] not in {"/", "\\"}
    is_plain = path.isprintable() and path.isascii() and len(path) <= _LONGEST_PATH
    return path if is_ours and is_plain else HOME
