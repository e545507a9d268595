"""GitHub's commit statuses.

https://docs.github.com/en/rest/commits/statuses
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import (
    github_found as found,
    github_shapes as shapes,
)
from tests.support.forge.access import CALLER
from tests.support.forge.answers import ApiError, Page, json_of, page_links, zulu
from tests.support.forge.door import Handler
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

STATES: Final = frozenset({"error", "failure", "pending", "success"})
MOST: Final = 1000
"""Of one context on one commit."""
DESCRIPTION: Final = 140


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = StatusResources(forge)
    yield "POST", "/statuses/{sha}", it.create
    yield "GET", "/commits/{ref:.+}/statuses", it.listed
    yield "GET", "/commits/{ref:.+}/status", it.combined


class StatusResources:
    """Takes and gives what was said of commits."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def create(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request, to_write=True)
        sha = found.commit(repo, request.match_info["sha"])
        given = await json_of(request)
        context = given.get("context") or "default"
        so_far = [entry for entry in _of(repo, sha) if entry["context"] == context]
        problem = _problem(given, len(so_far))
        if problem:
            raise ApiError(422, "Validation Failed", errors=[problem])
        now = zulu(self._forge.clock.now())
        number = len(repo.statuses) + 1
        said = {
            "url": f"{self._forge.api}/repos/{repo.path}/statuses/{sha}",
            "avatar_url": f"{self._forge.url}/avatars/u/1",
            "id": number,
            "node_id": shapes.node_id("Status", number),
            "state": given["state"],
            "description": given.get("description"),
            "target_url": given.get("target_url"),
            "context": context,
            "created_at": now,
            "updated_at": now,
            "creator": shapes.user(self._forge, request[CALLER].name),
        }
        repo.statuses.append(said | {"sha": sha})
        return web.json_response(said, status=201)

    async def listed(self, request: web.Request) -> web.Response:
        """All of them, newest first."""
        repo = found.repository(self._forge, request)
        known = _of(repo, found.commit(repo, request.match_info["ref"]))[::-1]
        page = Page.of(request, default=30)
        said = [_without(entry, "sha") for entry in page.cut(known)]
        return web.json_response(said, headers=page_links(request, page, len(known)))

    async def combined(self, request: web.Request) -> web.Response:
        """The newest of each context."""
        repo = found.repository(self._forge, request)
        sha = found.commit(repo, request.match_info["ref"])
        newest = list({entry["context"]: entry for entry in _of(repo, sha)}.values())
        page = Page.of(request, default=30)
        api = f"{self._forge.api}/repos/{repo.path}"
        return web.json_response(
            {
                "state": _together({entry["state"] for entry in newest}),
                "statuses": [
                    _without(entry, "sha", "creator") for entry in page.cut(newest)
                ],
                "sha": sha,
                "total_count": len(newest),
                "repository": shapes.minimal_repository(self._forge, repo),
                "commit_url": f"{api}/commits/{sha}",
                "url": f"{api}/commits/{sha}/status",
            }
        )


def _of(repo: HostedRepo, sha: str) -> list[dict[str, Any]]:
    return [status for status in repo.statuses if status["sha"] == sha]


def _problem(given: dict[str, Any], so_far: int) -> dict[str, str] | None:
    """Return what is wrong with a new status."""
    about = {"resource": "Status", "code": "custom"}
    if given.get("state") not in STATES:
        return about | {
            "field": "state",
            "message": "state is not included in the list",
        }
    if len(given.get("description") or "") > DESCRIPTION:
        text = f"description is too long (maximum is {DESCRIPTION} characters)"
        return about | {"field": "description", "message": text}
    if so_far >= MOST:
        text = "This SHA and context has reached the maximum number of statuses."
        return about | {"field": "context", "message": text}
    return None


def _together(states: set[str]) -> str:
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def _without(said: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: item for name, item in said.items() if name not in names}
