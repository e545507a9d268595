"""GitLab's projects, and what is asked of no project.

https://docs.gitlab.com/api/projects/
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.forge import gitlab_found as found, gitlab_shapes as shapes
from tests.support.forge.access import CALLER, Caller
from tests.support.forge.answers import ApiError
from tests.support.forge.door import Handler

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

_MAINTAINER = 40


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    yield "GET", "", ProjectResources(forge).project


def other_routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = ProjectResources(forge)
    yield "GET", "/user", it.user
    yield "GET", "/version", it.version
    yield "GET", "/metadata", it.version


class ProjectResources:
    """Answers about projects as such."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def project(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request)
        caller = request[CALLER]
        said = shapes.project(self._forge, repo)
        if caller.is_known:
            access = {"access_level": _MAINTAINER, "notification_level": 3}
            own = access if caller.is_owner else None
            said["permissions"] = {"project_access": own, "group_access": None}
        else:
            # Older ones tell nobody who is not signed in.
            for name in ("visibility", "repository_access_level"):
                del said[name]
        return web.json_response(said)

    async def user(self, request: web.Request) -> web.Response:
        return web.json_response(shapes.user(self._forge, self._known(request).name))

    async def version(self, request: web.Request) -> web.Response:
        self._known(request)
        said = {"version": self._forge.version, "revision": "0123abcdef"}
        return web.json_response(said)

    def _known(self, request: web.Request) -> Caller:
        caller = request[CALLER]
        if not caller.is_known:
            raise ApiError(401, "401 Unauthorized")
        return caller
