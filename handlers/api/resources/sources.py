"""Sources: what launchers follow."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.api.access import visible_to
from handlers.api.cursors import last_of, read_cursor
from handlers.api.requests import read_query, ulid
from handlers.api.responses import json_history, json_response, page_of, paginated
from handlers.api.schemas.service import CursorQuery, LimitQuery
from handlers.api.schemas.sources import (
    EvaluationQueued,
    EvaluationResponse,
    SourceResponse,
)
from handlers.app_keys import REBUILDS, STORE
from service.domain.launcher import LauncherId
from service.domain.source import SourceId
from service.ports.store import Cursor, Page

__all__ = ["list_evaluations", "list_sources", "request_evaluation"]

MAX_FOLLOWERS: Final = 50
"""How many launchers a source is shown with; a course may have thousands."""
NOBODY: Final[Page[LauncherId]] = Page(items=(), total=0)


async def list_sources(request: web.Request) -> web.Response:
    """List what launchers follow, oldest first."""
    query, visible = read_query(request, CursorQuery), visible_to(request)
    wanted = page_of(request, query)
    async with request.app[STORE].reading() as tx:
        sources = await tx.sources.list(wanted, visible=visible)
        ids = [source.id for source in sources]
        followers = await tx.launchers.of_sources(
            ids, limit=MAX_FOLLOWERS, visible=visible
        )
    shown = [
        SourceResponse.of(source, followers.get(source.id, NOBODY))
        for source in sources
    ]
    return paginated(request, wanted, shown, sources.total, last=last_of(sources.items))


async def list_evaluations(request: web.Request) -> web.Response:
    """List the evaluations of a source, newest first."""
    query = read_query(request, LimitQuery)
    after = read_cursor(request, query.after)
    async with request.app[STORE].reading() as tx:
        source = await tx.sources.get(_id(request))
        evaluations = await tx.evaluations.of_source(
            source.id, limit=query.limit, after=after
        )
    shown = [EvaluationResponse.of(evaluation) for evaluation in evaluations]
    last = evaluations[-1] if evaluations else None
    cursor = Cursor(at=last.completed_at, id=last.id) if last else None
    return json_history(request, shown, limit=query.limit, last=cursor)


async def request_evaluation(request: web.Request) -> web.Response:
    """Request the evaluation of a source, as a push would."""
    source = await request.app[REBUILDS].request_evaluation(_id(request))
    return json_response(
        EvaluationQueued(source_id=source.id), status=HTTPStatus.ACCEPTED
    )


def _id(request: web.Request) -> SourceId:
    return SourceId(ulid(request, "source_id", what="Source"))
