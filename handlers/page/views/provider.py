"""Sign in at the identity provider: there and back.

What an attempt needs is derived from a record that the browser keeps in a cookie: no
process has to remember who is on the way, and nobody fills a memory by beginning.
"""

import secrets
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote

from aiohttp import web

from handlers.app_keys import CLOCK, SIGN_IN
from handlers.page.cookies import (
    clear_attempt,
    give_attempt,
    record_of,
    session_of,
)
from handlers.page.keys import OPTIONS
from handlers.page.views.sign_in import ask, local_path, path_of, welcome
from service.domain.hook import Secret
from service.domain.rights.sign_in_attempt import SignInAttempt
from service.errors import (
    NotFoundError,
    TransientError,
    UnauthenticatedError,
)

__all__ = ["ATTEMPT_LIFE", "begin_at_provider", "finish_at_provider"]

ATTEMPT_LIFE: Final = timedelta(minutes=10)
"""Long enough for a password and a second factor."""
_RANDOM_BYTES: Final = 32
_LONGEST_CODE: Final = 4000


async def begin_at_provider(request: web.Request) -> web.Response:
    """Send the browser to the provider."""
    began = int(request.app[CLOCK].now().timestamp())
    path = quote(path_of(request), safe="")
    record = Secret(f"{secrets.token_urlsafe(_RANDOM_BYTES)}.{began}.{path}")
    options = request.app[OPTIONS]
    attempt = SignInAttempt.derive(record, redirect_uri=options.callback_url)
    try:
        url = await options.sign_in.authorization_url(attempt)
    except TransientError as exc:
        return ask(request, problem=str(exc), status=HTTPStatus.SERVICE_UNAVAILABLE)
    answer = web.Response(
        status=HTTPStatus.SEE_OTHER,
        headers={"Location": url, "Cache-Control": "no-store"},
    )
    give_attempt(request, answer, record, life=ATTEMPT_LIFE)
    return answer


async def finish_at_provider(request: web.Request) -> web.Response:
    """Begin a session of whom the provider has signed in."""
    if not request.app[OPTIONS].sign_in.name:
        raise NotFoundError("No identity provider is set up for the page.")
    path = _path_in(record_of(request))
    try:
        session = await _redeem(request)
    except UnauthenticatedError as exc:
        answer = ask(request, problem=str(exc), path=path)
    except TransientError as exc:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        answer = ask(request, problem=str(exc), status=status, path=path)
    else:
        answer = welcome(request, session, path)
    # Another page can send a browser here; only the answer to an attempt ends it.
    record = record_of(request)
    if record is not None and _answered(record, request) is not None:
        clear_attempt(request, answer)
    return answer


def _answered(record: Secret, request: web.Request) -> SignInAttempt | None:
    """Return the attempt of a record; None when the answer is another one's."""
    url = request.app[OPTIONS].callback_url
    attempt = SignInAttempt.derive(record, redirect_uri=url)
    return attempt if attempt.is_answered_by(request.query.get("state", "")) else None


async def _redeem(request: web.Request) -> Secret:
    attempt = _attempt_of(request)
    query, provider = request.query, request.app[OPTIONS].sign_in
    if "error" in query:
        raise UnauthenticatedError(_words_for(query["error"]))
    code = query.get("code", "")
    if not 0 < len(code) <= _LONGEST_CODE:
        raise UnauthenticatedError("The identity provider sent no code; try again.")
    identity = await provider.redeem(Secret(code), attempt)
    before = session_of(request)
    session = await request.app[SIGN_IN].begin_for(identity)
    if before is not None:
        await request.app[SIGN_IN].end(before)
    return session


def _attempt_of(request: web.Request) -> SignInAttempt:
    """Return the attempt that the answer belongs to.

    Raises:
        UnauthenticatedError: This browser began none, or another one.
    """
    record = record_of(request)
    if record is None or not _is_fresh(record, request):
        raise UnauthenticatedError(
            "This sign-in is over: it was finished already, took longer than ten "
            "minutes, or began in another browser. Begin again."
        )
    attempt = _answered(record, request)
    # Else another page could sign a person in as somebody else (login CSRF).
    if attempt is None:
        raise UnauthenticatedError(
            "This answer belongs to another sign-in, perhaps of another tab; nothing "
            "was done. Begin again."
        )
    return attempt


def _is_fresh(record: Secret, request: web.Request) -> bool:
    # By our clock, too: a browser keeps a cookie as long as it likes.
    began = record.reveal().split(".")[1:2]
    text = began[0] if began else ""
    if not (text.isascii() and text.isdecimal()) or len(text) > len("10000000000"):
        return False
    age = request.app[CLOCK].now().timestamp() - int(text)
    return age + 1 >= 0 and age < ATTEMPT_LIFE.total_seconds()


def _path_in(record: Secret | None) -> str:
    kept = record.reveal().split(".", 2)[2:] if record is not None else []
    return local_path(unquote(kept[0]) if kept else "/")


def _words_for(error: str) -> str:
    # Nothing of what stands in the address is shown: anybody may write a link to here.
    if error == "access_denied":
        return "The sign-in was cancelled at the identity provider, or is not allowed."
    return "The identity provider could not sign you in; try again."
