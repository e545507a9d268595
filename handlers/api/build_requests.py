"""Serve what is asked of builds, in Renku's shape or in ours.

Renku's routes and ours differ by the description of a build alone.
"""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from aiohttp import web

from handlers.api.cursors import last_of, read_cursor
from handlers.api.requests import read_body, read_query, ulid
from handlers.api.responses import json_history, json_response
from handlers.api.schemas.models import ResponseModel
from handlers.api.schemas.renku.builds import BuildPatch, QueueQuery
from handlers.api.schemas.service import LimitQuery
from handlers.app_keys import REBUILDS, STORE
from service.domain.building.build import EnvironmentId, Rebuild, RebuildId
from service.ports.store import Transaction

__all__ = [
    "Describe",
    "answer_build",
    "answer_change",
    "answer_environment",
    "answer_request",
    "build_id_of",
    "environment_id_of",
]

Describe = Callable[
    [Transaction, Sequence[Rebuild]], Awaitable[Sequence[ResponseModel]]
]
"""Describes builds in the shape of an API."""


async def answer_environment(request: web.Request, describe: Describe) -> web.Response:
    """Answer with the builds of the environment that the path names."""
    environment = environment_id_of(request)
    query = read_query(request, LimitQuery)
    after = read_cursor(request, query.after)
    async with request.app[STORE].reading() as tx:
        await tx.launchers.of_environment(environment)
        rebuilds = await tx.rebuilds.of_environment(
            environment, limit=query.limit, after=after
        )
        shown = await describe(tx, rebuilds)
    return json_history(request, shown, limit=query.limit, last=last_of(rebuilds))


async def answer_request(request: web.Request, describe: Describe) -> web.Response:
    """Request a build of the environment that the path names, and answer with it."""
    query = read_query(request, QueueQuery)
    rebuild = await request.app[REBUILDS].request(
        environment_id_of(request), queue=query.queue
    )
    return await _answer(request, rebuild.id, describe, status=HTTPStatus.CREATED)


async def answer_build(request: web.Request, describe: Describe) -> web.Response:
    """Answer with the build that the path names."""
    return await _answer(request, build_id_of(request), describe)


async def answer_change(request: web.Request, describe: Describe) -> web.Response:
    """Cancel the build that the path names where the body says so; answer with it."""
    rebuild_id = build_id_of(request)
    if (await read_body(request, BuildPatch)).status is not None:
        await request.app[REBUILDS].cancel(rebuild_id)
    return await _answer(request, rebuild_id, describe)


async def _answer(
    request: web.Request,
    rebuild_id: RebuildId,
    describe: Describe,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> web.Response:
    async with request.app[STORE].reading() as tx:
        rebuild = await tx.rebuilds.get(rebuild_id)
        (build,) = await describe(tx, [rebuild])
    return json_response(build, status=status)


def environment_id_of(request: web.Request) -> EnvironmentId:
    """Return the id of the environment that a path names.

    Raises:
        NotFoundError: It is no ULID, so nothing can have it.
    """
    return EnvironmentId(ulid(request, "environment_id", what="Session environment"))


def build_id_of(request: web.Request) -> RebuildId:
    """Return the id of the build that a path names.

    Raises:
        NotFoundError: It is no ULID, so nothing can have it.
    """
    return RebuildId(ulid(request, "build_id", what="Build"))
