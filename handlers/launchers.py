"""Session launchers."""

from collections.abc import Iterable
from http import HTTPStatus

from aiohttp import web

from handlers import launcher_changes
from handlers.answering import nothing, page_of, paged, tell
from handlers.build_facts import tell_latest
from handlers.keys import STORE
from handlers.reading import read_body, read_query, ulid
from handlers.shapes.launchers import (
    LauncherPatch,
    LauncherPost,
    MoveRequest,
    SessionLauncher,
)
from handlers.shapes.service import LaunchersQuery
from handlers.waiting_facts import view_of
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
    query = read_query(request, LaunchersQuery)
    wanted = page_of(request, query)
    async with request.app[STORE].reading() as tx:
        found = await tx.launchers.list(wanted, name=query.name)
        return paged(request, wanted, await _told(request, tx, found), found.total)


async def list_project_launchers(request: web.Request) -> web.Response:
    """List the session launchers of a project, newest first."""
    project = ulid(request, "project_id", what="Project")
    query = read_query(request, LaunchersQuery)
    wanted = page_of(request, query)
    async with request.app[STORE].reading() as tx:
        found = await tx.launchers.list(wanted, project=project, name=query.name)
        return paged(request, wanted, await _told(request, tx, found), found.total)


async def _told(
    request: web.Request, tx: Transaction, launchers: Iterable[Launcher]
) -> list[SessionLauncher]:
    shown = tuple(launchers)
    followed = {launcher.source_id for launcher in shown}
    sources = {source.id: source for source in await tx.sources.some(followed)}
    latest = await tell_latest(tx, shown, view_of(request.app))
    return [
        SessionLauncher.of(
            launcher, sources[launcher.source_id], latest.get(launcher.id)
        )
        for launcher in shown
    ]


async def _one(request: web.Request, launcher: Launcher) -> SessionLauncher:
    async with request.app[STORE].reading() as tx:
        (told,) = await _told(request, tx, [launcher])
    return told


async def add_launcher(request: web.Request) -> web.Response:
    """Add a session launcher; its first build starts at once."""
    asked = await read_body(request, LauncherPost)
    launcher, _ = await launcher_changes.add(request.app, asked)
    return tell(await _one(request, launcher), status=HTTPStatus.CREATED)


async def show_launcher(request: web.Request) -> web.Response:
    """Show a session launcher."""
    launcher_id = _id(request)
    async with request.app[STORE].reading() as tx:
        launcher = await tx.launchers.get(launcher_id)
        (told,) = await _told(request, tx, [launcher])
    return tell(told)


async def change_launcher(request: web.Request) -> web.Response:
    """Change a session launcher; other build parameters start a build."""
    asked = await read_body(request, LauncherPatch)
    launcher, _ = await launcher_changes.change(request.app, _id(request), asked)
    return tell(await _one(request, launcher))


async def remove_launcher(request: web.Request) -> web.Response:
    """Remove a session launcher and cancel its unfinished builds."""
    await launcher_changes.remove(request.app, _id(request))
    return nothing()


async def move_launcher(request: web.Request) -> web.Response:
    """Move a session launcher to the image that it was told of."""
    launcher_id = _id(request)
    await read_body(request, MoveRequest)
    launcher, _ = await launcher_changes.take_offer(request.app, launcher_id)
    return tell(await _one(request, launcher))


def _id(request: web.Request) -> LauncherId:
    return LauncherId(ulid(request, "launcher_id", what="Session launcher"))
