"""The launchers that a person may see, of all projects or of one."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from handlers.app_keys import BUILD_DESCRIBER, CLOCK, STORE
from handlers.auth import caller_of
from handlers.page.context import show
from handlers.page.live import UPDATES, Parts, digest_of, send_parts
from handlers.page.paging import Paging
from handlers.page.rendering import RENDERER
from handlers.usecases.launcher_overview import LauncherOverview, gather_overviews
from service.domain.rights.caller import Caller, MemberRole, ProjectId
from service.domain.rights.decision import is_allowed
from service.domain.rights.project import Project
from service.ports.store import Page, Transaction

__all__ = ["show_home", "show_project", "stream_launchers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherPage:
    """One page of launchers, and what stands around it."""

    overviews: Page[LauncherOverview]
    projects: dict[str, Project]
    paging: Paging
    may_edit: bool


async def show_home(request: web.Request) -> web.Response:
    """Show the launchers of every project that the person may read."""
    return await _show(request, project=None)


async def show_project(request: web.Request) -> web.Response:
    """Show the launchers of one project."""
    return await _show(request, project=request.match_info["project_id"])


async def stream_launchers(request: web.Request) -> web.StreamResponse:
    """Send the list again whenever something of it changed."""
    project = request.match_info.get("project_id")

    async def render() -> tuple[Parts, bool]:
        listing = await _gather(request, project)
        is_busy = any(each.is_busy for each in listing.overviews.items)
        return _parts(request, listing), is_busy

    return await send_parts(request, request.app[UPDATES], render)


async def _show(request: web.Request, *, project: str | None) -> web.Response:
    listing = await _gather(request, project)
    parts = _parts(request, listing)
    return show(
        request,
        "home.html",
        listing=listing,
        parts=parts,
        project=listing.projects.get(project or ""),
        stream=_stream_url(request, parts),
    )


def _parts(request: web.Request, listing: LauncherPage) -> Parts:
    markup = request.app[RENDERER].text(
        "launchers.html", listing=listing, now=request.app[CLOCK].now()
    )
    return {"launchers": markup}


def _stream_url(request: web.Request, parts: Parts) -> str:
    path = "" if request.path == "/" else request.path
    page = request.query.get("page", "")
    query = {"seen": digest_of(parts)} | ({"page": page} if page else {})
    return str(request.rel_url.with_path(f"/live{path}/launchers").with_query(query))


async def _gather(request: web.Request, project: str | None) -> LauncherPage:
    caller = caller_of(request)
    async with request.app[STORE].reading() as tx:
        found = await tx.launchers.list(
            Paging.of(request).wanted, project=project, **_visible(caller, project)
        )
        overviews = await gather_overviews(
            tx, found.items, request.app[BUILD_DESCRIBER]
        )
        projects = await _projects(tx, found, project)
        may_edit = await _may_edit(tx, caller, project)
    return LauncherPage(
        overviews=Page(items=overviews, total=found.total),
        projects=projects,
        paging=Paging.of(request, total=found.total),
        may_edit=may_edit,
    )


def _visible(caller: Caller, project: str | None) -> dict[str, Any]:
    # Who may read the project that the path names was decided at the door.
    return {} if project else {"visible": caller.filter()}


async def _projects(
    tx: Transaction, found: Page[Any], project: str | None
) -> dict[str, Project]:
    ids = {launcher.project_id for launcher in found.items} | (
        {project} if project else set()
    )
    listed = {}
    for name in ids:
        listed[name] = await tx.projects.get(ProjectId(name))
    return listed


async def _may_edit(tx: Transaction, caller: Caller, project: str | None) -> bool:
    if caller.is_anonymous or not caller.scope.role.includes(MemberRole.EDITOR):
        return False
    editable = caller.filter(MemberRole.EDITOR)
    if editable.is_everything:
        return True
    if project is None:
        return (await tx.projects.list(visible=editable)).total > 0
    memberships = await tx.projects.memberships(
        [ProjectId(project)], caller.user.id if caller.user else None
    )
    return is_allowed(caller, MemberRole.EDITOR, memberships)
