"""Projects and their members, as Renku serves them."""

from contextlib import suppress
from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.api.access import visible_to
from handlers.api.preconditions import check_tag, expected_version, not_modified
from handlers.api.requests import read_body, read_query, ulid
from handlers.api.responses import (
    json_list,
    json_response,
    no_content,
    page_of,
    paginated,
)
from handlers.api.schemas.renku.projects import (
    MemberResponse,
    MembersPatch,
    ProjectPatch,
    ProjectPermissions,
    ProjectPost,
    ProjectQuery,
    ProjectResponse,
    ProjectsQuery,
)
from handlers.app_keys import AUTHORIZER, PROJECTS, STORE
from handlers.auth import caller_of
from service.domain.rights.caller import MemberRole, ProjectId, UserId
from service.domain.rights.decision import Subject, missing
from service.domain.rights.project import Project, Visibility
from service.errors import NotFoundError
from service.ports.store import PageRequest
from service.usecases.rights.project_commands import NewProject, ProjectChange

__all__ = [
    "add_project",
    "change_members",
    "change_project",
    "list_members",
    "list_projects",
    "remove_member",
    "remove_project",
    "show_permissions",
    "show_project",
    "show_project_by_slug",
]

_NAMESAKES: Final = 9
"""Projects that are or were at one address, but for case: hardly ever two."""


async def list_projects(request: web.Request) -> web.Response:
    """List the projects that the caller may see, the last changed first."""
    query = read_query(request, ProjectsQuery)
    wanted = page_of(request, query)
    user = caller_of(request).user
    member = UserId("") if user is None else user.id
    async with request.app[STORE].reading() as tx:
        found = await tx.projects.list(
            wanted,
            visible=visible_to(request),
            namespace=query.namespace,
            member=member if query.direct_member else None,
            by_update=True,
        )
    shown = [ProjectResponse.of(project) for project in found]
    return paginated(request, wanted, shown, found.total)


async def add_project(request: web.Request) -> web.Response:
    """Add a project; the caller becomes its owner."""
    asked = await read_body(request, ProjectPost)
    fields = asked.model_dump()
    new = NewProject(**(fields | {"visibility": Visibility(asked.visibility)}))
    project = await request.app[PROJECTS].add(caller_of(request), new)
    return _answer(project, status=HTTPStatus.CREATED)


async def show_project(request: web.Request) -> web.Response:
    """Show a project; 304 to who has this version already."""
    query = read_query(request, ProjectQuery)
    project_id = _id(request)
    async with request.app[STORE].reading() as tx:
        try:
            project = await tx.projects.get(project_id)
        except NotFoundError as exc:
            raise missing(Subject.PROJECT, project_id) from exc
    return not_modified(request, project.etag) or _answer(project, query)


async def show_project_by_slug(request: web.Request) -> web.Response:
    """Show a project by its namespace and slug, or by those that it had before."""
    query = read_query(request, ProjectQuery)
    namespace, slug = request.match_info["namespace"], request.match_info["slug"]
    absent = (
        f"Project with identifier '{namespace[:99]}/{slug[:99]}' does not exist or you "
        "do not have access to it."
    )
    async with request.app[STORE].reading() as tx:
        # One query for what is not there and what is not the caller's: names can be
        # guessed, and the time of an answer would tell them apart.
        found = await tx.projects.list(
            PageRequest(limit=_NAMESAKES),
            visible=visible_to(request),
            namespace=namespace,
            slug=slug,
        )
    if not found.items:
        raise NotFoundError(absent)
    project = max(found.items, key=lambda one: _nearness(one, namespace, slug))
    return not_modified(request, project.etag) or _answer(project, query)


def _nearness(project: Project, namespace: str, slug: str) -> int:
    """Return how much a project is the one at an address: it is there, or it was."""
    here, asked = (project.namespace, project.slug), (namespace, slug)
    is_like = [name.lower() for name in here] == [name.lower() for name in asked]
    return (here == asked) + is_like


async def change_project(request: web.Request) -> web.Response:
    """Change the version of a project that `If-Match` names.

    428 without it, 409 where the project has changed since. Visibility, namespace and
    slug are changed by owners.
    """
    etag = expected_version(request)
    asked = await read_body(request, ProjectPatch)
    fields = asked.model_dump(exclude={"template_id"})
    if asked.visibility is not None:
        fields["visibility"] = Visibility(asked.visibility)
    project = await request.app[PROJECTS].change(
        caller_of(request), _id(request), etag, ProjectChange(**fields)
    )
    return _answer(project)


async def remove_project(request: web.Request) -> web.Response:
    """Remove a project with its launchers; one that is gone stays so.

    409 for the default project, which launchers that name no project belong to.
    """
    project_id = _id(request)
    async with request.app[STORE].reading() as tx:
        with suppress(NotFoundError):
            check_tag(request, (await tx.projects.get(project_id)).etag)
    await request.app[PROJECTS].remove(project_id)
    return no_content()


async def list_members(request: web.Request) -> web.Response:
    """List the members of a project, owners first."""
    members = await request.app[PROJECTS].members(_id(request))
    return json_list([MemberResponse.of(member) for member in members])


async def change_members(request: web.Request) -> web.Response:
    """Add members, or give them other roles; nobody is removed."""
    asked = await read_body(request, MembersPatch)
    roles = {UserId(one.id): MemberRole(one.role) for one in asked.root}
    await request.app[PROJECTS].set_roles(_id(request), roles)
    return web.Response(status=HTTPStatus.OK)


async def remove_member(request: web.Request) -> web.Response:
    """Remove a member from a project."""
    member = UserId(request.match_info["member_id"])
    await request.app[PROJECTS].remove_member(_id(request), member)
    return no_content()


async def show_permissions(request: web.Request) -> web.Response:
    """Show what the caller may do with a project."""
    project_id = _id(request)
    authorizer, caller = request.app[AUTHORIZER], caller_of(request)
    async with request.app[STORE].reading() as tx:
        may = {
            role: await authorizer.has_role(
                tx, caller, role, Subject.PROJECT, project_id
            )
            for role in MemberRole
        }
    if not may[MemberRole.VIEWER]:
        raise missing(Subject.PROJECT, project_id)
    owns = may[MemberRole.OWNER]
    return json_response(
        ProjectPermissions(
            write=may[MemberRole.EDITOR], delete=owns, change_membership=owns
        )
    )


def _answer(
    project: Project,
    query: ProjectQuery | None = None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> web.Response:
    is_whole = query is not None and query.with_documentation
    response = json_response(
        ProjectResponse.of(project, with_documentation=is_whole), status=status
    )
    response.headers["ETag"] = project.etag
    return response


def _id(request: web.Request) -> ProjectId:
    return ProjectId(ulid(request, "project_id", what="Project"))
