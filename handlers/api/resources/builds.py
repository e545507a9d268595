"""Builds with all that is known of them; Renku's are in `renku/`."""

from aiohttp import web

from handlers.api.access import visible_to
from handlers.api.build_requests import (
    Describe,
    answer_build,
    answer_change,
    answer_environment,
    answer_request,
    build_id_of,
)
from handlers.api.cursors import last_of, read_cursor
from handlers.api.requests import read_query
from handlers.api.resources.build_logs import follow_log
from handlers.api.responses import json_history, json_response
from handlers.api.schemas.builds import BuildOptionsResponse
from handlers.api.schemas.service import BuildsQuery
from handlers.app_keys import BUILD_DESCRIBER, BUILDER, CLOCK, STORE
from handlers.sse import last_event_id, streaming
from service.usecases.environments.build_options import BuildOptions

__all__ = [
    "add_build",
    "change_build",
    "list_builds",
    "list_environment_builds",
    "show_build",
    "show_build_options",
    "stream_logs",
]


async def list_builds(request: web.Request) -> web.Response:
    """List the builds of all environments, newest first."""
    query = read_query(request, BuildsQuery)
    after = read_cursor(request, query.after)
    async with request.app[STORE].reading() as tx:
        rebuilds = await tx.rebuilds.list(
            limit=query.limit,
            after=after,
            state=query.state,
            visible=visible_to(request),
        )
        shown = await _describe(request)(tx, rebuilds)
    return json_history(request, shown, limit=query.limit, last=last_of(rebuilds))


async def show_build_options(request: web.Request) -> web.Response:
    """Show what this installation takes for the build parameters of an environment."""
    return json_response(BuildOptionsResponse.of(BuildOptions.of(request.app[BUILDER])))


async def list_environment_builds(request: web.Request) -> web.Response:
    """List the builds of an environment, newest first."""
    return await answer_environment(request, _describe(request))


async def add_build(request: web.Request) -> web.Response:
    """Build an environment afresh, from the head of what its launcher follows.

    409 while a build of it is in progress, unless it may be queued.
    """
    return await answer_request(request, _describe(request))


async def show_build(request: web.Request) -> web.Response:
    """Show a build."""
    return await answer_build(request, _describe(request))


async def change_build(request: web.Request) -> web.Response:
    """Cancel a build; one that was cancelled stays so."""
    return await answer_change(request, _describe(request))


async def stream_logs(request: web.Request) -> web.StreamResponse:
    """Follow a build's log until it ends, as server-sent events.

    An event `line` has its place as id and `{"phase", "text"}` as data; `waiting`
    says why nothing happens, as the field of builds does; the event `end`
    has `{"status", "state"}`. `Last-Event-ID` takes a cut stream up again.
    """
    rebuild_id = build_id_of(request)
    after = last_event_id(request)
    store = request.app[STORE]
    async with store.reading() as tx:
        await tx.rebuilds.get(rebuild_id)
    async with streaming(request) as stream:
        await follow_log(
            stream,
            rebuild_id,
            store=store,
            clock=request.app[CLOCK],
            after=after,
            why=request.app[BUILD_DESCRIBER].describe_wait,
        )
    return stream.response


def _describe(request: web.Request) -> Describe:
    return request.app[BUILD_DESCRIBER].describe_builds
