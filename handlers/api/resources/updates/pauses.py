"""Pause automatic work, in a project or everywhere."""

from aiohttp import web

from handlers.api.requests import read_body, ulid
from handlers.api.responses import json_list, json_response, no_content
from handlers.api.schemas.updates.pauses import PauseRequest, PauseResponse
from handlers.app_keys import AUTHORIZER, PAUSES, STORE
from handlers.auth import caller_of
from service.domain.building.pause import EVERYWHERE
from service.domain.rights.caller import MemberRole, ProjectId
from service.domain.rights.decision import Subject

__all__ = [
    "list_pauses",
    "pause_everything",
    "pause_project",
    "resume_everything",
    "resume_project",
]


async def list_pauses(request: web.Request) -> web.Response:
    """List where nothing is built by itself, oldest first."""
    caller, authorizer = caller_of(request), request.app[AUTHORIZER]
    sees_all = caller.filter().is_everything
    found = await request.app[PAUSES].list()
    async with request.app[STORE].reading() as tx:
        shown = [
            PauseResponse.of(pause)
            for pause in found
            if sees_all
            or pause.scope == EVERYWHERE
            or await authorizer.has_role(
                tx, caller, MemberRole.VIEWER, Subject.PROJECT, pause.scope
            )
        ]
    return json_list(shown)


async def pause_everything(request: web.Request) -> web.Response:
    """Pause all automatic work; deliveries are still taken, recorded and evaluated.

    What people ask for is built. One that is there already stays as it is.
    """
    return await _pause(request, None)


async def resume_everything(request: web.Request) -> web.Response:
    """Resume automatic work; launchers that fell behind catch up by themselves."""
    await request.app[PAUSES].resume()
    return no_content()


async def pause_project(request: web.Request) -> web.Response:
    """Pause the automatic work of a project; a paused one stays as it is."""
    return await _pause(request, ProjectId(ulid(request, "project_id", what="Project")))


async def resume_project(request: web.Request) -> web.Response:
    """Resume the automatic work of a project; its launchers catch up."""
    project = ProjectId(ulid(request, "project_id", what="Project"))
    await request.app[PAUSES].resume(project)
    return no_content()


async def _pause(request: web.Request, project: ProjectId | None) -> web.Response:
    asked = await read_body(request, PauseRequest)
    user = caller_of(request).user
    pause = await request.app[PAUSES].pause(
        project, by=user.id if user else None, reason=asked.reason
    )
    return json_response(PauseResponse.of(pause))
