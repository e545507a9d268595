"""Failed builds, asked for again: once an operator has mended what failed them."""

from http import HTTPStatus

from aiohttp import web

from handlers.api.requests import read_body
from handlers.api.responses import json_response
from handlers.api.schemas.retries import RetriedResponse, RetriesResponse, RetryRequest
from handlers.app_keys import REBUILDS

__all__ = ["retry_builds"]


async def retry_builds(request: web.Request) -> web.Response:
    """Ask again for the builds of all launchers whose last build failed.

    Whatever their update policy, as a person asks. A launcher that is asked for no
    longer matches, so asking until `left` is 0 comes to an end.
    """
    wanted = await read_body(request, RetryRequest)
    retried = await request.app[REBUILDS].retry_failed(
        since=wanted.since, reasons=wanted.classes, limit=wanted.limit
    )
    asked = tuple(
        RetriedResponse.of(each.launcher.name, each.failed, each.rebuild)
        for each in retried.rebuilds
    )
    response = RetriesResponse(requested=asked, left=retried.left)
    return json_response(response, status=HTTPStatus.ACCEPTED)
