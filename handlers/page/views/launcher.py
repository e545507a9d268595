"""One launcher: its environment, its builds, and what a person may do with it."""

from aiohttp import web

from handlers.app_keys import (
    AUTHORIZER,
    BUILD_DESCRIBER,
    LAUNCHERS,
    PINS,
    REBUILDS,
    STORE,
)
from handlers.auth import caller_of
from handlers.page.context import field, show, surroundings
from handlers.page.keys import OPTIONS
from handlers.page.live import UPDATES, Parts, digest_of, send_parts
from handlers.page.rendering import RENDERER
from handlers.page.views.duration_plot import plot_durations
from handlers.page.words import FRONTENDS
from handlers.usecases.launcher_details import LauncherView, gather_launcher
from service.domain.building.build import RebuildId
from service.domain.launcher import LauncherId
from service.domain.rights.caller import MemberRole
from service.domain.rights.decision import Subject

__all__ = [
    "cancel_build",
    "may_edit_launcher",
    "pin_launcher",
    "rebuild_launcher",
    "remove_launcher",
    "roll_back_launcher",
    "show_launcher",
    "stream_launcher",
    "unpin_launcher",
    "update_launcher",
]

PARTS = ("status", "environment", "builds")


async def show_launcher(request: web.Request) -> web.Response:
    """Show a launcher."""
    view, parts = await _render(request)
    stream = request.rel_url.with_path(f"/live{request.path}").with_query(
        seen=digest_of(parts)
    )
    return show(request, "launcher.html", view=view, parts=parts, stream=str(stream))


async def stream_launcher(request: web.Request) -> web.StreamResponse:
    """Send the parts of a launcher's page again whenever they changed."""

    async def render() -> tuple[Parts, bool]:
        view, parts = await _render(request)
        return parts, view.overview.is_busy

    return await send_parts(request, request.app[UPDATES], render)


async def rebuild_launcher(request: web.Request) -> web.Response:
    """Build the environment afresh."""
    async with request.app[STORE].reading() as tx:
        launcher = await tx.launchers.get(launcher_id_of(request))
    await request.app[REBUILDS].request(launcher.environment_id)
    return _back(request)


async def cancel_build(request: web.Request) -> web.Response:
    """Cancel the build that is in progress."""
    async with request.app[STORE].reading() as tx:
        launcher = await tx.launchers.get(launcher_id_of(request))
        unfinished = await tx.rebuilds.unfinished(environment=launcher.environment_id)
    for rebuild in unfinished:
        await request.app[REBUILDS].cancel(rebuild.id)
    return _back(request)


async def update_launcher(request: web.Request) -> web.Response:
    """Move the launcher to the image that it was offered."""
    await request.app[LAUNCHERS].accept_image(launcher_id_of(request))
    return _back(request)


async def pin_launcher(request: web.Request) -> web.Response:
    """Keep the launcher at its image."""
    await request.app[PINS].pin(launcher_id_of(request))
    return _back(request)


async def unpin_launcher(request: web.Request) -> web.Response:
    """Have the launcher updated again."""
    await request.app[PINS].unpin(launcher_id_of(request))
    return _back(request)


async def roll_back_launcher(request: web.Request) -> web.Response:
    """Move the launcher back to an earlier image, and keep it there."""
    build = await field(request, "build", longest=26)
    await request.app[PINS].roll_back(
        launcher_id_of(request), RebuildId(build) if build else None
    )
    return _back(request)


async def remove_launcher(request: web.Request) -> web.Response:
    """Remove the launcher."""
    await request.app[LAUNCHERS].remove(launcher_id_of(request))
    return web.Response(status=303, headers={"Location": "/"})


def launcher_id_of(request: web.Request) -> LauncherId:
    """Return the launcher that the path names."""
    return LauncherId(request.match_info["launcher_id"].upper())


async def may_edit_launcher(request: web.Request, launcher_id: str) -> bool:
    """Return whether the person may change a launcher."""
    caller = caller_of(request)
    if caller.filter(MemberRole.EDITOR).is_everything:
        return True
    async with request.app[STORE].reading() as tx:
        return await request.app[AUTHORIZER].has_role(
            tx, caller, MemberRole.EDITOR, Subject.LAUNCHER, launcher_id
        )


async def _render(request: web.Request) -> tuple[LauncherView, Parts]:
    launcher_id = launcher_id_of(request)
    async with request.app[STORE].reading() as tx:
        view = await gather_launcher(tx, launcher_id, request.app[BUILD_DESCRIBER])
    context = surroundings(request) | {
        "view": view,
        "launcher": view.overview.launcher,
        "may_edit": await may_edit_launcher(request, launcher_id),
        "plot": plot_durations(view.durations),
        "frontends": FRONTENDS,
        "launch_url": _launch_url(request, launcher_id),
    }
    renderer = request.app[RENDERER]
    parts = {name: renderer.text(f"launcher_{name}.html", **context) for name in PARTS}
    return view, parts


def _launch_url(request: web.Request, launcher_id: LauncherId) -> str:
    return request.app[OPTIONS].launch_url.replace("{launcher_id}", launcher_id)


def _back(request: web.Request) -> web.Response:
    return web.Response(
        status=303, headers={"Location": f"/launchers/{launcher_id_of(request)}"}
    )
