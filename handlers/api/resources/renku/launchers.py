"""Session launchers, as Renku has them."""

from http import HTTPStatus

from aiohttp import web

from handlers.api.access import check_editor, may_grant, visible_to
from handlers.api.cursors import last_of
from handlers.api.preconditions import entity_tag, with_etag
from handlers.api.requests import read_body, read_query, ulid
from handlers.api.resources.renku.commands import (
    command_to_add,
    command_to_change,
    launcher_id_of,
    version_guard,
)
from handlers.api.resources.renku.platform import check_resource_class
from handlers.api.responses import json_response, no_content, page_of, paginated
from handlers.api.schemas.renku.launchers import (
    SessionLauncherPatch,
    SessionLauncherPost,
)
from handlers.api.schemas.service import LaunchersQuery
from handlers.app_keys import BUILD_DESCRIBER, LAUNCHERS, STORE
from service.domain.launcher import LauncherId

__all__ = [
    "add_session_launcher",
    "change_session_launcher",
    "list_project_session_launchers",
    "list_session_launchers",
    "remove_session_launcher",
    "show_session_launcher",
]


async def list_session_launchers(request: web.Request) -> web.Response:
    """List session launchers, newest first."""
    return await _list(request, project=None)


async def list_project_session_launchers(request: web.Request) -> web.Response:
    """List the session launchers of a project, newest first."""
    return await _list(request, project=ulid(request, "project_id", what="Project"))


async def _list(request: web.Request, *, project: str | None) -> web.Response:
    query = read_query(request, LaunchersQuery)
    wanted = page_of(request, query)
    describer = request.app[BUILD_DESCRIBER]
    async with request.app[STORE].reading() as tx:
        found = await tx.launchers.list(
            wanted, project=project, name=query.name, visible=visible_to(request)
        )
        shown = await describer.describe_session_launchers(tx, found.items)
    return paginated(request, wanted, shown, found.total, last=last_of(found.items))


async def add_session_launcher(request: web.Request) -> web.Response:
    """Add a session launcher; the first build of one from code starts at once.

    409 where its project has one of that name: Renku takes several, and here names
    are unique in a project.
    """
    asked = await read_body(request, SessionLauncherPost)
    await check_editor(request, asked.project_id)
    check_resource_class(request, asked.resource_class_id)
    launcher, _ = await request.app[LAUNCHERS].add(
        command_to_add(asked, may_grant=may_grant(request))
    )
    return await _answer(request, launcher.id, status=HTTPStatus.CREATED)


async def show_session_launcher(request: web.Request) -> web.Response:
    """Show a session launcher."""
    return await _answer(request, launcher_id_of(request))


async def change_session_launcher(request: web.Request) -> web.Response:
    """Change a session launcher; other build parameters start a build.

    409 where another one of its project has the new name, which Renku would take.
    """
    asked = await read_body(request, SessionLauncherPatch)
    check_resource_class(request, asked.resource_class_id)
    launcher_id = launcher_id_of(request)
    await request.app[LAUNCHERS].change(
        launcher_id,
        command_to_change(asked, may_grant=may_grant(request)),
        version_guard(request),
    )
    return await _answer(request, launcher_id)


async def remove_session_launcher(request: web.Request) -> web.Response:
    """Remove a session launcher and cancel its builds; one that is gone stays so."""
    await request.app[LAUNCHERS].remove(launcher_id_of(request), version_guard(request))
    return no_content()


async def _answer(
    request: web.Request, launcher_id: LauncherId, *, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    describer = request.app[BUILD_DESCRIBER]
    async with request.app[STORE].reading() as tx:
        launcher = await tx.launchers.get(launcher_id)
        (shown,) = await describer.describe_session_launchers(tx, [launcher])
    return with_etag(request, json_response(shown, status=status), entity_tag(shown))
