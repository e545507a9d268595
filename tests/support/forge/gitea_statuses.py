"""Gitea's commit statuses.

https://docs.gitea.com/api/ (repoCreateStatus, repoListStatusesByRef)
"""

from typing import TYPE_CHECKING, Final

from aiohttp import web

from tests.support.forge import gitea_shapes as shapes
from tests.support.forge.access import CALLER
from tests.support.forge.answers import ApiError, Page, json_of, page_links, zulu
from tests.support.forge.gitea_found import commit, repository

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

STATES: Final = frozenset(
    {"pending", "success", "error", "failure", "warning", "skipped"}
)


class StatusResources:
    """Takes and gives what was said of commits."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def create(self, request: web.Request) -> web.Response:
        repo = repository(self._forge, request, to_manage=True)
        sha = commit(repo, request.match_info["sha"])
        given = await json_of(request)
        if given.get("state") not in STATES:
            raise ApiError(422, "unknown state")
        now = zulu(self._forge.clock.now())
        said = {
            "id": len(repo.statuses) + 1,
            "status": given["state"],
            "target_url": given.get("target_url", ""),
            "description": given.get("description", ""),
            "url": f"{self._forge.api}/repos/{repo.path}/statuses/{sha}",
            "context": given.get("context") or "default",
            "creator": shapes.user(self._forge, request[CALLER].name),
            "created_at": now,
            "updated_at": now,
        }
        repo.statuses.append(said | {"sha": sha})
        return web.json_response(said, status=201)

    async def listed(self, request: web.Request) -> web.Response:
        repo = repository(self._forge, request)
        sha = commit(repo, request.match_info["ref"])
        known = [status for status in repo.statuses if status["sha"] == sha][::-1]
        page = Page.of(request, default=30, most=50)
        headers = page_links(request, page, len(known))
        return web.json_response(list(page.cut(known)), headers=headers)
