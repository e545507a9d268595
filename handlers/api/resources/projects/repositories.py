"""Repositories of projects: what is linked, and what is granted."""

from aiohttp import web

from handlers.api.requests import read_body, ulid
from handlers.api.responses import json_list
from handlers.api.schemas.projects.repositories import (
    GrantRequest,
    LinkedRepositoryResponse,
)
from handlers.app_keys import PROJECTS, STORE
from service.domain.rights.caller import ProjectId
from service.domain.rights.decision import Subject, missing
from service.domain.rights.project import Project
from service.errors import NotFoundError

__all__ = ["grant_repository", "list_repositories"]


async def list_repositories(request: web.Request) -> web.Response:
    """List the repositories of a project, and which of them it is granted."""
    project_id = _id(request)
    async with request.app[STORE].reading() as tx:
        try:
            project = await tx.projects.get(project_id)
        except NotFoundError as exc:
            raise missing(Subject.PROJECT, project_id) from exc
    return _answer(project)


async def grant_repository(request: web.Request) -> web.Response:
    """Grant a repository to a project, or withdraw the grant.

    A granted repository is read with the installation's credentials for the launchers
    of the project; any other as anybody reads it. Launchers that follow it are
    evaluated again at once.
    """
    asked = await read_body(request, GrantRequest)
    project = await request.app[PROJECTS].grant(
        _id(request), asked.repository, is_granted=asked.granted
    )
    return _answer(project)


def _answer(project: Project) -> web.Response:
    return json_list(
        [LinkedRepositoryResponse.of(linked) for linked in project.repositories]
    )


def _id(request: web.Request) -> ProjectId:
    return ProjectId(ulid(request, "project_id", what="Project"))
