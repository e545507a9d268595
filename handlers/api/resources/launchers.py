"""Session launchers with all that is known of them; Renku's are in `renku/`."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from handlers.api.access import check_editor, may_grant, visible_to
from handlers.api.cursors import last_of
from handlers.api.preconditions import entity_tag
from handlers.api.requests import read_body, read_query, ulid
from handlers.api.resources.renku.commands import (
    command_to_add,
    command_to_change,
    launcher_id_of,
    version_guard,
)
from handlers.api.resources.renku.platform import check_resource_class
from handlers.api.responses import json_response, no_content, page_of, paginated
from handlers.api.schemas.launchers import (
    LauncherPatch,
    LauncherPost,
    MoveRequest,
)
from handlers.api.schemas.service import LauncherSearch, LaunchersQuery
from handlers.app_keys import BUILD_DESCRIBER, LAUNCHERS, STORE
from service.domain.launcher import (
    Launcher,
    RebuildSchedule,
    UpdatePolicy,
)
from service.domain.repository import Repository
from service.domain.source import SourceId
from service.ports.store import Transaction

__all__ = [
    "add_launcher",
    "answer_launcher",
    "change_launcher",
    "list_launchers",
    "list_project_launchers",
    "move_launcher",
    "remove_launcher",
    "show_launcher",
]


async def list_launchers(request: web.Request) -> web.Response:
    """List session launchers, newest first."""
    query = read_query(request, LauncherSearch)
    wanted = page_of(request, query)
    async with request.app[STORE].reading() as tx:
        found = await tx.launchers.list(
            wanted,
            name=query.name,
            sources=await _sources_of(tx, query.repository),
            visible=visible_to(request),
        )
        shown = await request.app[BUILD_DESCRIBER].describe_launchers(tx, found)
        return paginated(request, wanted, shown, found.total, last=last_of(found.items))


async def _sources_of(tx: Transaction, url: str | None) -> set[SourceId] | None:
    """Return the sources of a repository; None where none is asked for."""
    if url is None:
        return None
    repository = Repository.from_url(url)
    candidates = await tx.sources.of_repository(repository)
    return {each.id for each in candidates if each.repository.is_same(repository)}


async def list_project_launchers(request: web.Request) -> web.Response:
    """List the session launchers of a project, newest first."""
    project = ulid(request, "project_id", what="Project")
    query = read_query(request, LaunchersQuery)
    wanted = page_of(request, query)
    async with request.app[STORE].reading() as tx:
        found = await tx.launchers.list(wanted, project=project, name=query.name)
        shown = await request.app[BUILD_DESCRIBER].describe_launchers(tx, found)
        return paginated(request, wanted, shown, found.total, last=last_of(found.items))


async def answer_launcher(
    request: web.Request,
    tx: Transaction,
    launcher: Launcher,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> web.Response:
    """Answer with a launcher and its entity tag."""
    describer = request.app[BUILD_DESCRIBER]
    (shown,) = await describer.describe_launchers(tx, [launcher])
    (known,) = await describer.describe_session_launchers(tx, [launcher])
    response = json_response(shown, status=status)
    # Of what Renku has of it: the rest changes by itself, as builds go on.
    response.headers["ETag"] = entity_tag(known)
    return response


async def add_launcher(request: web.Request) -> web.Response:
    """Add a session launcher; its first build starts at once.

    409 where its project has one of that name.
    """
    asked = await read_body(request, LauncherPost)
    await check_editor(request, asked.project_id)
    check_resource_class(request, asked.resource_class_id)
    launcher, _ = await request.app[LAUNCHERS].add(
        replace(
            command_to_add(asked, may_grant=may_grant(request)),
            policy=UpdatePolicy(asked.update_policy),
            schedule=RebuildSchedule(asked.rebuild_schedule),
        )
    )
    async with request.app[STORE].reading() as tx:
        return await answer_launcher(request, tx, launcher, status=HTTPStatus.CREATED)


async def show_launcher(request: web.Request) -> web.Response:
    """Show a session launcher."""
    launcher_id = launcher_id_of(request)
    async with request.app[STORE].reading() as tx:
        launcher = await tx.launchers.get(launcher_id)
        return await answer_launcher(request, tx, launcher)


async def change_launcher(request: web.Request) -> web.Response:
    """Change a session launcher; other build parameters start a build."""
    asked = await read_body(request, LauncherPatch)
    check_resource_class(request, asked.resource_class_id)
    policy, schedule = asked.update_policy, asked.rebuild_schedule
    change = replace(
        command_to_change(asked, may_grant=may_grant(request)),
        policy=UpdatePolicy(policy) if policy else None,
        schedule=RebuildSchedule(schedule) if schedule else None,
    )
    launcher, _ = await request.app[LAUNCHERS].change(
        launcher_id_of(request), change, version_guard(request)
    )
    async with request.app[STORE].reading() as tx:
        return await answer_launcher(request, tx, launcher)


async def remove_launcher(request: web.Request) -> web.Response:
    """Remove a session launcher and cancel its unfinished builds."""
    await request.app[LAUNCHERS].remove(launcher_id_of(request), version_guard(request))
    return no_content()


async def move_launcher(request: web.Request) -> web.Response:
    """Move a session launcher to the image that it was offered."""
    launcher_id = launcher_id_of(request)
    await read_body(request, MoveRequest)
    launcher = await request.app[LAUNCHERS].accept_image(launcher_id)
    async with request.app[STORE].reading() as tx:
        return await answer_launcher(request, tx, launcher)
