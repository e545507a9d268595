"""Sign in and out: by a link from the terminal, or with a token."""

from http import HTTPStatus

from aiohttp import web

from handlers.app_keys import AUTHENTICATOR, SIGN_IN
from handlers.page.context import field, show
from handlers.page.cookies import clear_session, give_session, session_of
from service.domain.hook import Secret
from service.errors import UnauthenticatedError

__all__ = ["show_sign_in", "sign_in", "sign_out"]

HOME = "/"


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Begin the session of a one-time code, or ask how to sign in."""
    code = request.query.get("code", "")
    if not code:
        return _ask(request)
    try:
        session = await request.app[SIGN_IN].redeem_code(Secret(code))
    except UnauthenticatedError as exc:
        return _ask(request, problem=str(exc))
    # Elsewhere at once: the code is of no use any more, and stays in no history.
    return _welcome(request, session)


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Begin a session with a token that a person pasted."""
    token = await field(request, "token", longest=20_000)
    try:
        caller = await request.app[AUTHENTICATOR].authenticate(Secret(token or "-"))
    except UnauthenticatedError:
        problem = "No such token is known here; nothing else was wrong."
        return _ask(request, problem=problem)
    session = await request.app[SIGN_IN].begin(caller, Secret(token))
    return _welcome(request, session)


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session, here and in every process."""
    session = session_of(request)
    if session is not None:
        await request.app[SIGN_IN].end(session)
    answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/sign-in"})
    clear_session(request, answer)
    return answer


def _ask(request: web.Request, *, problem: str = "") -> web.Response:
    status = HTTPStatus.UNAUTHORIZED if problem else HTTPStatus.OK
    return show(
        request,
        "sign_in.html",
        status=status,
        problem=problem,
        next=_next(request),
        oidc="",
    )


def _welcome(request: web.Request, session: Secret) -> web.Response:
    answer = web.Response(
        status=HTTPStatus.SEE_OTHER,
        headers={"Location": _next(request), "Cache-Control": "no-store"},
    )
    give_session(request, answer, session)
    return answer


def _next(request: web.Request) -> str:
    """Return where a person wanted to go: a path of ours, and never another site."""
    path = request.query.get("next", HOME)
    is_ours = path.startswith("/") and path[1:2] not in {"/", "\\"}
    return path if is_ours and path.isprintable() and path.isascii() else HOME
