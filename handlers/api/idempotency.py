"""`Idempotency-Key`: a request that is sent again is done once, and answered alike.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.api.requests import known_parameters_only, read_raw
from handlers.app_keys import CLOCK, STORE
from handlers.auth import caller_of
from handlers.route import Handler, Route, Surface
from service.errors import ConflictError, InvalidRequestError
from service.ports.store import KeptAnswer

__all__ = ["api_handler", "once_for_a_key"]

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
"""Says that an answer is the one of the first request."""
KEPT: Final = timedelta(days=1)
"""How long an answer is kept; whoever sends a request again does so within minutes."""
LATE: Final = timedelta(minutes=2)
"""A request that takes longer was interrupted: nothing takes that long here."""
_KEPT: Final = ("ETag", "Location")
"""Headers that describe what was done; others are of the moment."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


def api_handler(route: Route) -> Handler:
    """Return a route's handler with what all of the REST API have around them."""
    if route.part is not Surface.API or not route.needs.reads_credentials:
        return route.handler
    handler = known_parameters_only(route.handler, route.query)
    if route.method != "POST":
        return handler
    return once_for_a_key(handler, is_secret=route.shows_secret)


def once_for_a_key(handler: Handler, *, is_secret: bool) -> Handler:
    """Wrap a handler: with a key it does a request once, whoever sends it again.

    What was refused is forgotten, so that it may be sent again.

    Args:
        handler: Does it.
        is_secret: Whether its answer holds a secret, which is kept nowhere.
    """

    @wraps(handler)
    async def attend(request: web.Request) -> web.StreamResponse:
        if HEADER not in request.headers:
            return await handler(request)
        if is_secret:
            raise InvalidRequestError(
                f"{HEADER}: the answer holds a secret that is shown once, and could "
                "not be given again; leave the header out"
            )
        return await _once(request, handler)

    return attend


async def _once(request: web.Request, handler: Handler) -> web.StreamResponse:
    key, digest = _key(request), await _digest(request)
    now = request.app[CLOCK].now()
    store = request.app[STORE]
    async with store.transaction() as tx:
        known = await tx.idempotency_keys.begin(
            key, request=digest, at=now, forget=now - KEPT, late=now - LATE
        )
    if known is not None:
        return _replay(known, digest)
    try:
        response = await handler(request)
    except BaseException:
        async with store.transaction() as tx:
            await tx.idempotency_keys.remove(key)
        raise
    text = response.text if isinstance(response, web.Response) else None
    async with store.transaction() as tx:
        await tx.idempotency_keys.finish(
            key, status=response.status, body=text or "", headers=_meant(response)
        )
    return response


def _key(request: web.Request) -> str:
    """Return the key of a caller's request to one address."""
    given = request.headers[HEADER]
    if not _KEY.fullmatch(given):
        raise InvalidRequestError(
            f"{HEADER}: expected 1 to 255 characters of ASCII without spaces"
        )
    user = caller_of(request).user
    parts = (user.id if user else "", request.method, request.path, given)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


async def _digest(request: web.Request) -> str:
    raw = await read_raw(request)
    query = request.rel_url.raw_query_string.encode()
    return hashlib.sha256(query + b"\0" + raw).hexdigest()


def _meant(response: web.StreamResponse) -> Mapping[str, str]:
    """Return the headers that are part of an answer."""
    return {name: response.headers[name] for name in _KEPT if name in response.headers}


def _replay(known: KeptAnswer, digest: str) -> web.Response:
    if known.request != digest:
        raise InvalidRequestError(
            f"{HEADER}: the key came with another request before; expected one key for "
            "each request"
        )
    if known.status is None:
        raise ConflictError(
            f"{HEADER}: the request with this key is still being answered; try again."
        )
    headers = {**known.headers, REPLAYED: "true"}
    if known.status == HTTPStatus.NO_CONTENT or not known.body:
        return web.Response(status=known.status, headers=headers)
    return web.Response(
        status=known.status,
        text=known.body,
        content_type="application/json",
        headers=headers,
    )
