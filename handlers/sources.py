"""Sources: what launchers follow."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.announcing import announcer_of
from handlers.answering import page_of, paged, tell, tell_all
from handlers.keys import STORE
from handlers.reading import read_query, ulid
from handlers.shapes.service import LimitQuery
from handlers.shapes.sources import Asked, EvaluationTold, SourceTold
from service.domain.launcher import LauncherId
from service.domain.source import SourceId
from service.ports.store import Page

__all__ = ["list_evaluations", "list_sources", "look_now"]

MAX_FOLLOWERS: Final = 50
"""How many launchers a source is shown with; a course may have thousands."""
NOBODY: Final[Page[LauncherId]] = Page(items=(), total=0)


async def list_sources(request: web.Request) -> web.Response:
    """List what launchers follow, oldest first."""
    wanted = page_of(request)
    async with request.app[STORE].reading() as tx:
        sources = await tx.sources.list(wanted)
        ids = [source.id for source in sources]
        followers = await tx.launchers.followers(ids, limit=MAX_FOLLOWERS)
    shown = [
        SourceTold.of(source, followers.get(source.id, NOBODY)) for source in sources
    ]
    return paged(request, wanted, shown, sources.total)


async def list_evaluations(request: web.Request) -> web.Response:
    """List what looking at a source concluded, newest first."""
    limit = read_query(request, LimitQuery).limit
    async with request.app[STORE].reading() as tx:
        source = await tx.sources.get(_id(request))
        evaluations = await tx.evaluations.of_source(source.id, limit=limit)
    return tell_all([EvaluationTold.of(it) for it in evaluations])


async def look_now(request: web.Request) -> web.Response:
    """Look at a source now, as if somebody had pushed to it."""
    async with request.app[STORE].transaction() as tx:
        source = await tx.sources.get(_id(request))
        await announcer_of(request.app).look_wanted(tx, source, evidence="manual")
    return tell(Asked(source_id=source.id), status=HTTPStatus.ACCEPTED)


def _id(request: web.Request) -> SourceId:
    return SourceId(ulid(request, "source_id", what="Source"))
