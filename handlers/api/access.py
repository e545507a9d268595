"""What the caller of a request may see, and do with what its body names."""

from aiohttp import web

from handlers.app_keys import AUTHORIZER
from handlers.auth import caller_of
from service.domain.hook import Reach, parse_binding
from service.domain.rights.caller import ProjectFilter
from service.domain.rights.decision import Permission, Subject, check_permission

__all__ = ["check_binding", "check_editor", "may_grant", "visible_to"]


def visible_to(request: web.Request) -> ProjectFilter:
    """Return the projects whose things the caller may see."""
    return caller_of(request).filter()


def may_grant(request: web.Request) -> bool:
    """Return whether a repository that the caller names is granted to the project."""
    return caller_of(request).may_administer


async def check_editor(request: web.Request, project: str) -> None:
    """Check that the caller edits a project that the body names.

    Raises:
        NotFoundError: There is no such project, or the caller does not.
    """
    await request.app[AUTHORIZER].check(
        caller_of(request), Permission.EDITOR, Subject.PROJECT, project
    )


async def check_binding(request: web.Request, url: str, reach: Reach) -> None:
    """Check that the caller may have a hook take deliveries about these repositories.

    Of one repository: who edits a project that is granted it, since a hook speaks for
    the repository to everybody who follows it. Of all of an owner or host:
    administrators, since nobody else may know which repositories there are.

    Raises:
        NotFoundError: No project of the caller's is granted the repository.
        ForbiddenError: Only an administrator may.
    """
    caller = caller_of(request)
    if reach is not Reach.REPOSITORY:
        check_permission(caller, Permission.ADMIN)
        return
    repository = parse_binding(url, reach)
    await request.app[AUTHORIZER].check_repository(caller, repository)
