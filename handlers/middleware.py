"""Around every handler: one table from errors to answers, one line per request.

Answers to errors have Renku's shape: `{"error": {"code": 1404, "message": "…"}}`, the
code being 1000 more than the status.
"""

import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.web_exceptions import HTTPException

from handlers.auth import Guard, is_known
from handlers.error_page import render_page
from handlers.route import ACCEPTED
from service import errors
from service.metrics import Metrics

__all__ = [
    "ANY",
    "STATUS",
    "UNKNOWN",
    "error_response",
    "expect",
    "handle_errors",
    "unknown",
]

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS: Final[Mapping[type[errors.ServiceError], HTTPStatus]] = {
    errors.BadSignatureError: HTTPStatus.UNAUTHORIZED,
    errors.ForeignRepositoryError: HTTPStatus.FORBIDDEN,
    errors.OversizedDeliveryError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.DeliveryError: HTTPStatus.BAD_REQUEST,
    errors.UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.PreconditionMissingError: HTTPStatus.PRECONDITION_REQUIRED,
    errors.RequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RemoteRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""By the nearest ancestor; what is not here is our fault: 500."""

_REFUSED: Final = "The delivery is not proved to come from this hook."
"""One answer for an unknown hook and a wrong proof, whatever was wrong with it."""
_RETRY_AFTER: Final = timedelta(seconds=10)
_CODE: Final = 1000

ANY: Final = "*"
"""Whatever method."""
UNKNOWN: Final = "unknown"
"""What requests are counted by that no route is for."""

_QUIET: Final = frozenset(
    {"/healthz", "/livez", "/readyz", "/metrics", "/static/{name:.+}"}
)
"""Asked by machines every few seconds, or several times with each page."""
_WEBHOOKS: Final = "/webhooks/"
_LONGEST: Final = 200
_HOOK_ID: Final = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
"""What ids of hooks look like."""


def error_response(
    status: int,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: str,
) -> web.Response:
    """Write an error in Renku's shape."""
    error = {"code": _CODE + status, "message": message, **more}
    return web.json_response({"error": error}, status=status, headers=headers)


def handle_errors(
    handler: Handler, *, method: str, route: str, guard: Guard, metrics: Metrics
) -> Handler:
    """Wrap a handler: let a request in, answer whatever is raised, count it, log it.

    Not a middleware of the server's, whose own work around each costs every delivery.

    Args:
        handler: Answers, or raises.
        method: What the route takes; `*` for anything.
        route: Its pattern: paths are strangers' and without number.
        guard: Lets requests in.
        metrics: Counts requests.
    """
    quiet = _quiet_statuses(route)
    is_private = guard.permission.reads_credentials
    if route.startswith(_WEBHOOKS):
        metrics.expect_deliveries(method, route)

    @wraps(handler)
    async def attend(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        try:
            await guard.let_in(request)
            response = await handler(request)
        except ConnectionError:
            raise  # nobody is there to be answered; the server closes the connection
        except Exception as exc:  # noqa: BLE001 - the last resort, so that no detail leaks
            response = _answer_to(request, exc)
        took = time.perf_counter() - began
        name, status = _named(method, request), response.status
        metrics.request(name, route, status, seconds=took)
        if status not in quiet:
            log.info(
                "request answered",
                method=name,
                path=_shown(request, route, is_trusted=is_known(request)),
                status=status,
                ms=round(took * 1000, 1),
            )
        if status >= HTTPStatus.BAD_REQUEST:
            response = render_page(request, response)
        if is_private and not response.prepared:
            _keep_private(response)
        return response

    return attend


def _keep_private(response: web.StreamResponse) -> None:
    """Keep caches from giving one caller's answer to another.

    https://www.rfc-editor.org/rfc/rfc9111#section-3.5. What has an entity tag may be
    kept by the caller's own client, which asks each time whether it is still so.
    """
    is_tagged = "ETag" in response.headers
    kept = "private, no-cache" if is_tagged else "private, no-store"
    response.headers.setdefault("Cache-Control", kept)
    response.headers.setdefault("Vary", "Authorization")


async def unknown(request: web.Request) -> web.Response:
    """Refuse what no route is for: another path, or another method of a known one."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        _, methods = await resource.resolve(request)
        allowed |= methods
    allowed.discard(ANY)  # this handler's own
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound


def _answer_to(request: web.Request, exc: Exception) -> web.StreamResponse:
    match exc:
        case HTTPException():
            return _from_http(exc)
        case errors.ServiceError():
            return _from_service(request, exc)
        case web.RequestPayloadError():
            return error_response(HTTPStatus.BAD_REQUEST, "The body cannot be read.")
        case json.JSONDecodeError() | UnicodeDecodeError():
            message = f"The body is no JSON: {exc}"
            return error_response(HTTPStatus.BAD_REQUEST, message)
        case _:
            return _from_defect(request, exc)


async def expect(request: web.Request) -> web.Response | None:
    """Answer `Expect: 100-continue`, and refuse to expect anything else.

    It goes with every route, since handlers come after it, and aiohttp's own
    stumbles over a header that is no UTF-8.
    https://www.rfc-editor.org/rfc/rfc9110#name-expect
    """
    if request.headers["Expect"].lower() != "100-continue":
        status = HTTPStatus.EXPECTATION_FAILED
        return error_response(status, "Expect: expected nothing, or 100-continue.")
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer's own bytes are counted from here
    return None


def _quiet_statuses(route: str) -> Container[int]:
    """Return the statuses that go unlogged; a delivery taken in has its own line."""
    if route in _QUIET:
        return range(1000)
    return (int(ACCEPTED),) if route.startswith(_WEBHOOKS) else ()


def _from_http(exc: HTTPException) -> web.Response:
    kept = ("Allow", "Location", "Retry-After", "WWW-Authenticate")
    headers = {text: exc.headers[text] for text in kept if text in exc.headers}
    if exc.status < HTTPStatus.BAD_REQUEST:
        return web.Response(status=exc.status, headers=headers)
    return error_response(exc.status, _sentence(exc), headers=headers)


def _sentence(exc: HTTPException) -> str:
    match exc:
        case web.HTTPMethodNotAllowed():
            methods = " or ".join(sorted(exc.allowed_methods))
            return f"This address takes {methods} only."
        case web.HTTPNotFound():
            return "There is nothing at this address."
        case _:
            return f"{exc.reason or HTTPStatus(exc.status).phrase}."


def _from_service(request: web.Request, exc: errors.ServiceError) -> web.Response:
    known = (STATUS[item] for item in type(exc).__mro__ if item in STATUS)
    status = next(known, None)
    if status is None:
        return _from_defect(request, exc)
    if isinstance(exc, errors.BadSignatureError):
        log.info("delivery not proved", path=_hook_path(request), seen=str(exc))
        return error_response(status, _REFUSED)
    return error_response(status, _sendable(exc), headers=_headers(exc))


def _from_defect(request: web.Request, exc: Exception) -> web.Response:
    trace = secrets.token_hex(8)
    route = request.match_info.route.resource
    name = route.canonical if route else UNKNOWN
    log.error("request failed", route=name, trace_id=trace, exc_info=exc)
    return error_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong here. The log knows more by the trace id.",
        trace_id=trace,
    )


def _headers(exc: errors.ServiceError) -> Mapping[str, str]:
    if isinstance(exc, errors.TransientError):
        wait = exc.retry_after or _RETRY_AFTER
        return {"Retry-After": str(max(1, int(wait.total_seconds())))}
    if isinstance(exc, errors.UnauthenticatedError):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def _sendable(exc: errors.ServiceError) -> str:
    """Return the message; halves of characters in it are written out."""
    return str(exc).encode("utf-8", "backslashreplace").decode()


def _named(method: str, request: web.Request) -> str:
    """Return a method that may be counted: strangers make up any."""
    if method != ANY:
        return method
    return request.method if request.method in _METHODS else "OTHER"


_METHODS: Final = frozenset(
    {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
)


def _shown(request: web.Request, route: str, *, is_trusted: bool) -> str:
    """Return the path of a caller who proved who they are; of others the route.

    Whatever strangers write into a path stays out of the log, but for ids of hooks,
    which are no secrets, and identify whose deliveries are refused.
    """
    if is_trusted:
        return _printable(request.path)
    return _hook_path(request) if route.startswith(_WEBHOOKS) else route


def _hook_path(request: web.Request) -> str:
    hook_id = request.match_info.get("hook_id", "")
    resource = request.match_info.route.resource
    if _HOOK_ID.fullmatch(hook_id):
        return request.path
    return resource.canonical if resource else UNKNOWN


def _printable(text: str) -> str:
    """Return a text that ends no line and moves no cursor, and is not endless."""
    return ascii(text)[1:-1][:_LONGEST]
