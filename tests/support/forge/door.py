"""What every request passes: the record, ordered refusals, tokens and budgets."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import answers
from tests.support.forge.access import CALLER, Caller, fingerprint, token_in
from tests.support.forge.answers import ApiError
from tests.support.forge.limits import Budget
from tests.support.forge.recording import Recorded
from tests.support.forge.wording import WORDING

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GRAPHQL: Final = "/api/graphql"
"""Where GitHub Enterprise Server and GitLab have it."""
FREE: Final = frozenset({"/rate_limit"})
"""What costs nothing."""


def middlewares(forge: "Forge", root: str) -> list[Any]:
    """Return what stands before the handlers, outermost first."""
    return [_recording(forge, root), _refusing(forge, root), _admitting(forge, root)]


def is_api(request: web.Request, root: str) -> bool:
    return request.path.startswith(root + "/") or is_graphql(request)


def is_graphql(request: web.Request) -> bool:
    return request.path == GRAPHQL


def _recording(forge: "Forge", root: str) -> Any:
    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        status = 500
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as exc:
            status = exc.status
            raise
        finally:
            forge.requests.append(
                Recorded(
                    method=request.method,
                    path=request.path,
                    query=dict(request.query),
                    status=status,
                    authorization=fingerprint(token_in(request)),
                    is_api=is_api(request, root),
                    is_conditional="If-None-Match" in request.headers,
                )
            )
        return response

    return record


def _refusing(forge: "Forge", root: str) -> Any:
    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = forge.refusals.take(is_api=is_api(request, root))
        if refusal is None:
            return await handler(request)
        if refusal.hangs:
            await asyncio.Event().wait()
        if refusal.body is not None:
            return web.Response(
                body=refusal.body,
                status=refusal.status,
                headers=refusal.headers,
                content_type="application/json",
            )
        if refusal.status >= 500:
            return web.Response(
                text="<html>Unicorn!</html>",
                status=refusal.status,
                headers=refusal.headers,
                content_type="text/html",
            )
        error = ApiError(
            refusal.status,
            refusal.message or f"refused with {refusal.status}",
            headers=refusal.headers,
        )
        return WORDING[forge.vendor].error(error)

    return refuse


def _admitting(forge: "Forge", root: str) -> Any:
    wording = WORDING[forge.vendor]

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_api(request, root):
            return await handler(request)
        caller = forge.tokens.caller(token_in(request))
        if caller is None:
            return wording.error(ApiError(401, wording.unauthorized))
        request[CALLER] = caller
        # GitHub counts it in points, apart from REST's requests.
        is_apart = is_graphql(request) and forge.vendor == "github"
        counted = f"{caller.name}/graphql" if is_apart else caller.name
        budget = forge.limits.budget(counted, is_known=caller.is_known)
        is_free = request.path.removeprefix(root) in FREE
        if budget.is_spent and not is_free:
            now = int(forge.clock.now().timestamp())
            return wording.limited(budget, now, forge.limits.status)
        return await _answered(request, handler, caller, budget, is_free=is_free)

    async def _answered(
        request: web.Request,
        handler: Handler,
        caller: Caller,
        budget: Budget,
        *,
        is_free: bool,
    ) -> web.StreamResponse:
        try:
            response = await handler(request)
        except ApiError as exc:
            response = wording.error(exc)
        except web.HTTPNotFound:
            response = wording.error(ApiError(404, wording.not_found))
        if wording.is_conditional:
            response = _conditional(request, response, caller)
        # A 304 costs nothing, but only when the caller said who they are.
        is_free = is_free or (
            response.status == 304 and caller.is_known and wording.is_304_free
        )
        budget.remaining -= 0 if is_free else 1
        response.headers.update(wording.budget_headers(budget))
        return response

    return admit


def _conditional(
    request: web.Request, response: web.StreamResponse, caller: Caller
) -> web.StreamResponse:
    """Answer 304 when the asker has it already."""
    if request.method not in {"GET", "HEAD"} or response.status != 200:
        return response
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    accept = request.headers.get("Accept", "")
    made = answers.etag(response.body, caller.name.encode(), accept.encode())
    given = request.headers.get("If-None-Match", "")
    if made in {part.strip() for part in given.split(",")}:
        return web.Response(status=304, headers={"ETag": made})
    response.headers["ETag"] = made
    return response
