"""Sources: what launchers follow."""

from collections import defaultdict
from http import HTTPStatus

from aiohttp import web

from handlers.announcing import announcer_of
from handlers.answering import paged, tell, tell_all
from handlers.keys import STORE
from handlers.reading import read_query, ulid
from handlers.shapes.service import LimitQuery
from handlers.shapes.sources import Asked, EvaluationTold, SourceTold
from service.domain.launcher import Launcher
from service.domain.source import SourceId

__all__ = ["list_evaluations", "list_sources", "look_now"]


async def list_sources(request: web.Request) -> web.Response:
    """List what launchers follow, oldest first."""
    followers: dict[SourceId, tuple[Launcher, ...]] = defaultdict(tuple)
    async with request.app[STORE].reading() as tx:
        for launcher in await tx.launchers.list():
            followers[launcher.source_id] += (launcher,)
        sources = await tx.sources.list()
    return paged(request, [SourceTold.of(it, followers[it.id]) for it in sources])


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
