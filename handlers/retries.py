"""Failed builds, asked for again: once an operator has mended what failed them."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.answering import tell
from handlers.keys import STORE
from handlers.reading import read_body
from handlers.rebuild_requests import retry
from handlers.shapes.retries import RetriedTold, RetriesTold, RetryPost

__all__ = ["retry_builds"]

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def retry_builds(request: web.Request) -> web.Response:
    """Ask again for the builds of all launchers whose last build failed.

    Whatever their update policy, as a person asks. A launcher that is asked for no
    longer matches, so asking until `left` is 0 comes to an end.
    """
    wanted = await read_body(request, RetryPost)
    # One at a time: two that ask at once would both find the same failures.
    async with request.app[STORE].transaction("retries") as tx:
        found = await tx.rebuilds.failed(
            since=wanted.since or _EVER, reasons=wanted.classes, limit=wanted.limit
        )
        asked = []
        for failed in found:
            launcher = await tx.launchers.of_environment(failed.environment_id)
            wish = await retry(request.app, tx, launcher)
            asked.append(RetriedTold.of(launcher.name, failed, wish))
    told = RetriesTold(asked=tuple(asked), left=found.total - len(asked))
    return tell(told, status=HTTPStatus.ACCEPTED)
