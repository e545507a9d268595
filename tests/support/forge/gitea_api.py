"""A small part of Gitea's and Forgejo's REST resources.

https://docs.gitea.com/api/
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.forge import gitea_hooks, gitea_shapes as shapes, reading
from tests.support.forge.access import CALLER
from tests.support.forge.answers import ApiError, Page, is_true, page_links
from tests.support.forge.door import Handler
from tests.support.forge.gitea_contents import ContentResources
from tests.support.forge.gitea_found import commit, repository
from tests.support.forge.gitea_statuses import StatusResources
from tests.support.forge.repositories import HostedRepo
from tests.support.forge.routing import add_all, nothing

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def add_routes(router: web.UrlDispatcher, forge: "Forge", root: str) -> None:
    """Serve repositories by name, and one by its number."""
    add_all(router, root + "/repos/{owner}/{name}", _routes(forge))
    add_all(router, root + "/repos/{owner}/{name}", gitea_hooks.routes(forge))
    it = GitResources(forge)
    others = [
        ("GET", "/repositories/{number:[0-9]+}", it.repository),
        ("GET", "/version", it.version),
        ("GET", "/user", it.user),
    ]
    add_all(router, root, others)
    router.add_route("*", root + "/{rest:.*}", nothing)


def _routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it, contents = GitResources(forge), ContentResources(forge)
    statuses = StatusResources(forge)
    yield "GET", "", it.repository
    yield "GET", "/branches", it.branches
    yield "GET", "/branches/{branch:.+}", it.branch
    yield "GET", "/tags/{tag:.+}", it.tag
    yield "GET", "/git/refs/{ref:.+}", it.refs
    yield "GET", "/git/trees/{tree:.+}", it.tree
    yield "GET", "/git/commits/{sha}", it.commit
    yield "GET", "/commits/{ref:.+}/statuses", statuses.listed
    yield "POST", "/statuses/{sha}", statuses.create
    yield "GET", "/git/blobs/{sha}", contents.blob
    yield "GET", "/raw/{path:.+}", contents.raw
    yield "GET", "/contents/{path:.*}", contents.content


class GitResources:
    """Answers out of the bare repositories."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def repository(self, request: web.Request) -> web.Response:
        said = shapes.repository(self._forge, repository(self._forge, request))
        is_owner = request[CALLER].is_owner
        rights = {"admin": is_owner, "push": is_owner, "pull": True}
        return web.json_response(said | {"permissions": rights})

    async def version(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"version": "1.24.6"})

    async def user(self, request: web.Request) -> web.Response:
        if not request[CALLER].is_known:
            raise ApiError(401, "token is required")
        return web.json_response(shapes.user(self._forge, request[CALLER].name))

    async def branches(self, request: web.Request) -> web.Response:
        repo = repository(self._forge, request)
        page = Page.of(request, default=30, most=50)
        known = [ref[11:] for ref in reading.refs(repo.served, "refs/heads/")]
        said = [self._branch(repo, text) for text in page.cut(known)]
        headers = page_links(request, page, len(known))
        return web.json_response(
            said, headers=headers | {"X-Total-Count": str(len(known))}
        )

    async def branch(self, request: web.Request) -> web.Response:
        repo, name = repository(self._forge, request), request.match_info["branch"]
        if not repo.shown_tip(name):
            raise ApiError(404, "branch does not exist")
        return web.json_response(self._branch(repo, name))

    def _branch(self, repo: HostedRepo, name: str) -> dict[str, Any]:
        tip = reading.one(repo.served, repo.shown_tip(name))
        return {
            "name": name,
            "commit": {
                "id": tip.id,
                "message": tip.message,
                "url": f"{self._forge.url}/{repo.path}/commit/{tip.id}",
                "timestamp": tip.committer.at.isoformat(),
                "added": None,
                "removed": None,
                "modified": None,
            },
            "protected": False,
        }

    async def tag(self, request: web.Request) -> web.Response:
        """`id` is the tag object's, where there is one; the commit is peeled."""
        repo, name = repository(self._forge, request), request.match_info["tag"]
        about = reading.find(repo.served, f"refs/tags/{name}")
        peeled = reading.find(repo.served, f"refs/tags/{name}^{{commit}}")
        if about is None or peeled is None:
            raise ApiError(404, "The target couldn't be found.")
        api = f"{self._forge.api}/repos/{repo.path}/git"
        commit = {"sha": peeled[0], "url": f"{api}/commits/{peeled[0]}"}
        said = {"name": name, "message": "", "id": about[0], "commit": commit}
        return web.json_response(said)

    async def refs(self, request: web.Request) -> web.Response:
        """All refs that begin so: a list even of one."""
        repo = repository(self._forge, request)
        start = f"refs/{request.match_info['ref']}"
        known = reading.refs(repo.served)
        said = [
            self._ref(repo, name, sha)
            for name, sha in known.items()
            if name.startswith(start)
        ]
        if not said:
            raise ApiError(404, "The target couldn't be found.")
        return web.json_response(said)

    def _ref(self, repo: HostedRepo, name: str, sha: str) -> dict[str, Any]:
        about = reading.find(repo.served, sha)
        assert about is not None
        api = f"{self._forge.api}/repos/{repo.path}/git"
        target = {"sha": sha, "type": about[1], "url": f"{api}/{about[1]}s/{sha}"}
        return {"ref": name, "url": f"{api}/{name}", "object": target}

    async def commit(self, request: web.Request) -> web.Response:
        repo = repository(self._forge, request)
        sha = commit(repo, request.match_info["sha"])
        said = shapes.commit(self._forge, repo, reading.one(repo.served, sha))
        return web.json_response(said)

    async def tree(self, request: web.Request) -> web.Response:
        """In pages of a thousand; `truncated` says that there are more."""
        repo, name = repository(self._forge, request), request.match_info["tree"]
        known = reading.find_commit(repo.served, name)
        about = reading.find(repo.served, f"{known or name}^{{tree}}")
        if about is None:
            raise ApiError(404, "object does not exist")
        is_deep = is_true(request.query.get("recursive"))
        entries = reading.entries(repo.served, about[0], is_deep=is_deep)
        page = Page.of(request, default=1000, most=1000)
        api = f"{self._forge.api}/repos/{repo.path}/git"
        return web.json_response(
            {
                "sha": about[0],
                "url": f"{api}/trees/{about[0]}",
                "tree": [
                    {
                        "path": entry.path,
                        "mode": entry.mode,
                        "type": entry.kind,
                        "size": entry.size or 0,
                        "sha": entry.sha,
                        "url": f"{api}/{entry.kind}s/{entry.sha}",
                    }
                    for entry in page.cut(entries)
                ],
                "truncated": page.number < page.last(len(entries)),
                "page": page.number,
                "total_count": len(entries),
            }
        )
