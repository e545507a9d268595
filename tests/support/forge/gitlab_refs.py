"""GitLab's branches, tags and commits.

https://docs.gitlab.com/api/branches/, /api/tags/, /api/commits/
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.forge import (
    gitlab_found as found,
    gitlab_pages as pages,
    gitlab_shapes as shapes,
    reading,
)
from tests.support.forge.answers import ApiError
from tests.support.forge.door import Handler
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = RefResources(forge)
    yield "GET", "/repository/branches", it.branches
    yield "GET", "/repository/branches/{branch}", it.branch
    yield "GET", "/repository/tags", it.tags
    yield "GET", "/repository/tags/{tag}", it.tag
    yield "GET", "/repository/commits", it.commits
    yield "GET", "/repository/commits/{sha}", it.commit


class RefResources:
    """Answers about what a project's refs point at."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def branches(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request)
        names = list(reading.refs(repo.served, "refs/heads/"))
        wanted = request.query.get("search", "")
        return pages.numbered(
            request,
            [name for name in names if wanted in name.removeprefix("refs/heads/")],
            lambda text: self._branch(repo, text.removeprefix("refs/heads/")),
        )

    async def branch(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request)
        name = request.match_info["branch"]
        if not repo.shown_tip(name):
            raise ApiError(404, "404 Branch Not Found")
        return web.json_response(self._branch(repo, name))

    def _branch(self, repo: HostedRepo, name: str) -> dict[str, Any]:
        commit = reading.one(repo.served, repo.shown_tip(name))
        return {
            "name": name,
            "commit": shapes.commit(self._forge, repo, commit),
            "merged": False,
            "protected": name == repo.default_branch,
            "developers_can_push": False,
            "developers_can_merge": False,
            "can_push": True,
            "default": name == repo.default_branch,
            "web_url": f"{self._forge.url}/{repo.path}/-/tree/{name}",
        }

    async def tags(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request)
        names = [tag.removeprefix("refs/tags/") for tag in _tags(repo)]
        return pages.numbered(request, names, lambda text: self._tag(repo, text))

    async def tag(self, request: web.Request) -> web.Response:
        repo, name = found.project(self._forge, request), request.match_info["tag"]
        if f"refs/tags/{name}" not in _tags(repo):
            raise ApiError(404, "404 Tag Not Found")
        return web.json_response(self._tag(repo, name))

    def _tag(self, repo: HostedRepo, name: str) -> dict[str, Any]:
        """`target` is the tag object of an annotated tag."""
        about = reading.find(repo.served, f"refs/tags/{name}")
        commit = reading.find(repo.served, f"refs/tags/{name}^{{commit}}")
        assert about is not None
        assert commit is not None
        is_annotated = about[1] == "tag"
        message = reading.content(repo.served, about[0]) if is_annotated else b""
        return {
            "name": name,
            "message": message.partition(b"\n\n")[2].decode().rstrip("\n"),
            "target": about[0],
            "commit": shapes.commit(
                self._forge, repo, reading.one(repo.served, commit[0])
            ),
            "release": None,
            "protected": False,
            "created_at": None,
        }

    async def commits(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request)
        name = request.query.get("ref_name")
        sha = found.commit(repo, name, "Commit")
        return pages.numbered(
            request,
            reading.log(repo.served, sha),
            lambda commit: shapes.commit(self._forge, repo, commit),
        )

    async def commit(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request)
        sha = found.commit(repo, request.match_info["sha"], "Commit")
        said = shapes.commit(self._forge, repo, reading.one(repo.served, sha))
        more = {"status": None, "project_id": repo.number, "last_pipeline": None}
        return web.json_response(said | more)


def _tags(repo: HostedRepo) -> dict[str, str]:
    return reading.refs(repo.served, "refs/tags/")
