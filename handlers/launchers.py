"""Session launchers."""

from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from handlers import launcher_changes
from handlers.answering import nothing, paged, tell
from handlers.keys import STORE
from handlers.reading import read_body, ulid
from handlers.shapes.launchers import (
    LauncherPatch,
    LauncherPost,
    MoveRequest,
    SessionLauncher,
)
from service.domain.launcher import Launcher, LauncherId
from service.ports.store import Transaction

__all__ = [
    "add_launcher",
    "change_launcher",
    "list_launchers",
    "list_project_launchers",
    "move_launcher",
    "remove_launcher",
    "show_launcher",
]


async def list_launchers(request: web.Request) -> web.Response:
    """List session launchers, newest first."""
    async with request.app[STORE].reading() as tx:
        return paged(request, await _told(tx, await tx.launchers.list()))


async def list_project_launchers(request: web.Request) -> web.Response:
    """List the session launchers of a project, newest first."""
    project = ulid(request, "project_id", what="Project")
    async with request.app[STORE].reading() as tx:
        return paged(request, await _told(tx, await tx.launchers.list(project=project)))


async def _told(
    tx: Transaction, launchers: Sequence[Launcher]
) -> list[SessionLauncher]:
    # One query for all sources: in this list stands every one that is followed.
    sources = {it.id: it for it in await tx.sources.list()} if launchers else {}
    return [
        SessionLauncher.of(it, sources[it.source_id])
        for it in launchers
        if it.source_id in sources
    ]


async def add_launcher(request: web.Request) -> web.Response:
    """Add a session launcher; its first build starts at once."""
    asked = await read_body(request, LauncherPost)
    launcher, source = await launcher_changes.add(request.app, asked)
    return tell(SessionLauncher.of(launcher, source), status=HTTPStatus.CREATED)


async def show_launcher(request: web.Request) -> web.Response:
    """Show a session launcher."""
    launcher_id = _id(request)
    async with request.app[STORE].reading() as tx:
        launcher = await tx.launchers.get(launcher_id)
        source = await tx.sources.get(launcher.source_id)
    return tell(SessionLauncher.of(launcher, source))


async def change_launcher(request: web.Request) -> web.Response:
    """Change a session launcher; other build parameters start a build."""
    asked = await read_body(request, LauncherPatch)
    launcher, source = await launcher_changes.change(request.app, _id(request), asked)
    return tell(SessionLauncher.of(launcher, source))


async def remove_launcher(request: web.Request) -> web.Response:
    """Remove a session launcher and cancel its unfinished builds."""
    await launcher_changes.remove(request.app, _id(request))
    return nothing()


async def move_launcher(request: web.Request) -> web.Response:
    """Move a session launcher to the image that it was told of."""
    launcher_id = _id(request)
    await read_body(request, MoveRequest)
    launcher, source = await launcher_changes.take_offer(request.app, launcher_id)
    return tell(SessionLauncher.of(launcher, source))


def _id(request: web.Request) -> LauncherId:
    return LauncherId(ulid(request, "launcher_id", what="Session launcher"))
