"""What differs between two images, and what automatic work did and spared."""

from datetime import timedelta

from aiohttp import web

from handlers.api.access import visible_to
from handlers.api.build_requests import build_id_of
from handlers.api.requests import read_query
from handlers.api.responses import json_response
from handlers.api.schemas.updates.reports import (
    ComparisonQuery,
    ImageComparison,
    StatisticsQuery,
    StatisticsResponse,
)
from handlers.app_keys import AUTHORIZER, CLOCK, STORE
from handlers.auth import caller_of
from service.domain.building.build import RebuildId
from service.domain.building.estimate import estimate_duration
from service.domain.rights.decision import Permission, Subject
from service.usecases.updates.compare_images import compare_images

__all__ = ["compare_builds", "show_statistics"]


async def compare_builds(request: web.Request) -> web.Response:
    """Compare a build's image with that of another build, package by package.

    Without another, with the image before it of the same environment.
    """
    query = read_query(request, ComparisonQuery)
    if query.against is not None:
        await request.app[AUTHORIZER].check(
            caller_of(request), Permission.VIEWER, Subject.BUILD, query.against
        )
    async with request.app[STORE].reading() as tx:
        after = await tx.rebuilds.get(build_id_of(request))
        before = (
            await tx.rebuilds.get(RebuildId(query.against)) if query.against else None
        )
        difference = await compare_images(tx, after, before)
    return json_response(ImageComparison.of(difference))


async def show_statistics(request: web.Request) -> web.Response:
    """Count what was evaluated and built in the last days, and what was spared."""
    days = read_query(request, StatisticsQuery).days
    since = request.app[CLOCK].now() - timedelta(days=days)
    visible = visible_to(request)
    async with request.app[STORE].reading() as tx:
        verdicts = await tx.statistics.verdicts(since=since, visible=visible)
        endings = await tx.statistics.endings(since=since, visible=visible)
        # To who sees no build, how long one takes would show that there are others'.
        durations = await tx.builds.durations() if endings else ()
        takes = estimate_duration(durations)
    return json_response(
        StatisticsResponse.of(since, verdicts=verdicts, endings=endings, takes=takes)
    )
