"""Pin launchers to their image, and roll them back to an earlier one."""

from aiohttp import web

from handlers.api.requests import read_body
from handlers.api.resources.launchers import answer_launcher
from handlers.api.resources.renku.commands import launcher_id_of
from handlers.api.responses import json_list
from handlers.api.schemas.updates.pauses import RollBackRequest
from handlers.app_keys import BUILD_DESCRIBER, PINS, STORE
from service.domain.building.build import RebuildId
from service.domain.launcher import Launcher

__all__ = [
    "list_earlier_images",
    "pin_launcher",
    "roll_back_launcher",
    "unpin_launcher",
]


async def pin_launcher(request: web.Request) -> web.Response:
    """Pin a session launcher to its image; a pinned one stays so.

    Nothing is built for it by itself then, and what a person has built is offered.
    """
    return await _answer(request, await request.app[PINS].pin(launcher_id_of(request)))


async def unpin_launcher(request: web.Request) -> web.Response:
    """Have a session launcher updated again, at once if it is behind."""
    launcher = await request.app[PINS].unpin(launcher_id_of(request))
    return await _answer(request, launcher)


async def roll_back_launcher(request: web.Request) -> web.Response:
    """Move a session launcher to an image built for it earlier, and pin it there.

    Without a build, to the image before the one that it has.
    """
    launcher_id = launcher_id_of(request)
    asked = await read_body(request, RollBackRequest)
    build = RebuildId(asked.build_id) if asked.build_id else None
    return await _answer(request, await request.app[PINS].roll_back(launcher_id, build))


async def list_earlier_images(request: web.Request) -> web.Response:
    """List the builds that a session launcher can be rolled back to, newest first."""
    earlier = await request.app[PINS].earlier_images(launcher_id_of(request))
    describer = request.app[BUILD_DESCRIBER]
    async with request.app[STORE].reading() as tx:
        return json_list(await describer.describe_builds(tx, earlier))


async def _answer(request: web.Request, launcher: Launcher) -> web.Response:
    async with request.app[STORE].reading() as tx:
        return await answer_launcher(request, tx, launcher)
