"""Builds, as Renku has them, and their logs."""

from collections import defaultdict, deque
from functools import partial

from aiohttp import web

from handlers.api.build_requests import (
    answer_build,
    answer_change,
    answer_environment,
    answer_request,
    build_id_of,
)
from handlers.api.requests import read_query
from handlers.api.responses import json_response
from handlers.api.schemas.renku.builds import (
    BuildLogs,
    LogsQuery,
)
from handlers.app_keys import STORE
from handlers.usecases.build_descriptions import describe_session_builds
from service.domain.building.build import BuildId
from service.ports.store import Transaction

__all__ = [
    "add_session_build",
    "change_session_build",
    "list_session_builds",
    "show_logs",
    "show_session_build",
]


async def list_session_builds(request: web.Request) -> web.Response:
    """List the builds of an environment, newest first."""
    return await answer_environment(request, describe_session_builds)


async def add_session_build(request: web.Request) -> web.Response:
    """Build an environment afresh, from the head of what its launcher follows.

    409 while a build of it is in progress, unless it may be queued.
    """
    return await answer_request(request, describe_session_builds)


async def show_session_build(request: web.Request) -> web.Response:
    """Show a build."""
    return await answer_build(request, describe_session_builds)


async def change_session_build(request: web.Request) -> web.Response:
    """Cancel a build; one that was cancelled stays so."""
    return await answer_change(request, describe_session_builds)


async def show_logs(request: web.Request) -> web.Response:
    """Show the end of a build's log, by phase."""
    rebuild_id = build_id_of(request)
    lines = read_query(request, LogsQuery).max_lines
    async with request.app[STORE].reading() as tx:
        rebuild = await tx.rebuilds.get(rebuild_id)
        tails = await _tails(tx, rebuild.build_id, lines) if rebuild.build_id else {}
    return json_response(BuildLogs(tails))


async def _tails(tx: Transaction, build: BuildId, lines: int) -> dict[str, str]:
    tails: dict[str, deque[str]] = defaultdict(partial(deque, maxlen=lines))
    after = 0
    while page := await tx.logs.read(build, after=after):
        for line in page:
            tails[line.phase].append(line.text)
        after = page[-1].seq
    return {phase: "\n".join(texts) for phase, texts in tails.items()}
