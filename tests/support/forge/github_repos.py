"""GitHub's repositories, and what is asked of no repository.

https://docs.github.com/en/rest/repos/repos
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.forge import github_found as found, github_shapes as shapes
from tests.support.forge.access import CALLER
from tests.support.forge.answers import ApiError
from tests.support.forge.door import Handler

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    yield "GET", "", RepositoryResources(forge).repository


def other_routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = RepositoryResources(forge)
    yield "GET", "/rate_limit", it.rate_limit
    yield "GET", "/user", it.user


class RepositoryResources:
    """Answers about repositories as such."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def repository(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        said = shapes.repository(self._forge, repo)
        caller = request[CALLER]
        if caller.is_known:
            rights = dict.fromkeys(
                ("admin", "maintain", "push", "triage"), caller.is_owner
            )
            said["permissions"] = rights | {"pull": True}
        counts = {"network_count": 0, "subscribers_count": 0}
        return web.json_response(said | counts)

    async def rate_limit(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        budget = self._forge.limits.budget(caller.name, is_known=caller.is_known)
        core = {
            "limit": budget.allowance,
            "remaining": max(0, budget.remaining),
            "reset": budget.reset,
            "used": budget.used,
        }
        resources = {"core": core, "search": core, "graphql": core}
        return web.json_response({"resources": resources, "rate": core})

    async def user(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        if not caller.is_known:
            raise ApiError(401, "Requires authentication")
        return web.json_response(shapes.own_account(self._forge, caller.name))
