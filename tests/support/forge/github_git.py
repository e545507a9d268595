"""GitHub's git database: refs, branches, commits, trees, blobs, tags.

https://docs.github.com/en/rest/git, /rest/branches, /rest/commits
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.forge import github_found as found, github_shapes as shapes, reading
from tests.support.forge.answers import ApiError, Page, page_links
from tests.support.forge.door import Handler
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = GitResources(forge)
    yield "GET", "/git/ref/{ref:.+}", it.ref
    yield "GET", "/git/matching-refs/{ref:.*}", it.matching_refs
    yield "GET", "/git/trees/{tree:.+}", it.tree
    yield "GET", "/git/blobs/{sha}", it.blob
    yield "GET", "/git/tags/{sha}", it.tag
    yield "GET", "/git/commits/{sha}", it.git_commit
    yield "GET", "/branches", it.branches
    yield "GET", "/branches/{branch:.+}", it.branch
    yield "GET", "/tags", it.tags
    yield "GET", "/commits", it.commits
    yield "GET", "/commits/{ref:.+}", it.commit


class GitResources:
    """Answers out of the bare repositories."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def ref(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        found.refuse_empty(repo)
        name = f"refs/{request.match_info['ref']}"
        known = reading.refs(repo.served)
        if name not in known:
            raise ApiError(404, "Not Found")
        return web.json_response(self._ref(repo, name, known[name]))

    async def matching_refs(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        found.refuse_empty(repo)
        start = f"refs/{request.match_info['ref']}"
        known = reading.refs(repo.served).items()
        said = [self._ref(repo, *pair) for pair in known if pair[0].startswith(start)]
        return web.json_response(said)

    def _ref(self, repo: HostedRepo, name: str, sha: str) -> dict[str, Any]:
        api = f"{self._forge.api}/repos/{repo.path}/git"
        about = reading.find(repo.served, sha)
        assert about is not None
        return {
            "ref": name,
            "node_id": shapes.node_id("Ref", repo.number, name),
            "url": f"{api}/{name}",
            "object": {"sha": sha, "type": about[1], "url": f"{api}/{about[1]}s/{sha}"},
        }

    async def tag(self, request: web.Request) -> web.Response:
        repo, sha = found.repository(self._forge, request), request.match_info["sha"]
        about = reading.find(repo.served, sha)
        if about is None or about[1] != "tag":
            raise ApiError(404, "Not Found")
        head, _, message = reading.content(repo.served, sha).decode().partition("\n\n")
        lines = dict(line.split(" ", 1) for line in head.splitlines())
        name, _, email = lines["tagger"].rpartition("> ")[0].partition(" <")
        api = f"{self._forge.api}/repos/{repo.path}/git"
        return web.json_response(
            {
                "node_id": shapes.node_id("Tag", sha),
                "tag": lines["tag"],
                "sha": sha,
                "url": f"{api}/tags/{sha}",
                "message": message,
                "tagger": {"name": name, "email": email, "date": _date(lines)},
                "object": {
                    "sha": lines["object"],
                    "type": lines["type"],
                    "url": f"{api}/{lines['type']}s/{lines['object']}",
                },
                "verification": shapes.unsigned(),
            }
        )

    async def tree(self, request: web.Request) -> web.Response:
        """One level, or all of them for any value of `recursive`, even 0."""
        repo = found.repository(self._forge, request)
        found.refuse_empty(repo)
        name = request.match_info["tree"]
        commit = reading.find_commit(repo.served, name)
        about = reading.find(repo.served, f"{commit or name}^{{tree}}")
        if about is None:
            raise ApiError(404, "Not Found")
        is_deep = "recursive" in request.query
        entries = reading.entries(repo.served, about[0], is_deep=is_deep)
        cap = self._forge.tree_cap
        api = f"{self._forge.api}/repos/{repo.path}/git"
        return web.json_response(
            {
                "sha": about[0],
                "url": f"{api}/trees/{about[0]}",
                "tree": [_entry(api, entry) for entry in entries[:cap]],
                "truncated": len(entries) > cap,
            }
        )

    async def blob(self, request: web.Request) -> web.Response:
        repo, sha = found.repository(self._forge, request), request.match_info["sha"]
        found.refuse_empty(repo)
        about = reading.find(repo.served, sha)
        if about is None or about[1] != "blob" or about[0] != sha:
            raise ApiError(404, "Not Found")
        if about[2] > self._forge.blob_cap:
            message = "This API returns blobs up to 100 MB in size."
            raise ApiError(403, message, errors=[{"code": "too_large"}])
        content = reading.content(repo.served, sha)
        if "raw" in request.headers.get("Accept", ""):
            kind = "application/vnd.github.raw"
            return web.Response(body=content, content_type=kind)
        return web.json_response(
            {
                "sha": sha,
                "node_id": shapes.node_id("Blob", sha),
                "size": len(content),
                "url": f"{self._forge.api}/repos/{repo.path}/git/blobs/{sha}",
                "content": base64.encodebytes(content).decode(),
                "encoding": "base64",
            }
        )

    async def git_commit(self, request: web.Request) -> web.Response:
        repo, sha = found.repository(self._forge, request), request.match_info["sha"]
        found.refuse_empty(repo)
        about = reading.find(repo.served, sha)
        if about is None or about[1] != "commit" or about[0] != sha:
            raise ApiError(404, "Not Found")
        whole = shapes.commit(self._forge, repo, reading.one(repo.served, sha))
        said = whole["commit"]
        del said["comment_count"]
        parents = whole["parents"]
        more = {key: whole[key] for key in ("sha", "node_id", "html_url")}
        return web.json_response(said | more | {"parents": parents})

    async def branches(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        page = Page.of(request, default=30)
        known = list(reading.refs(repo.served, "refs/heads/").items())
        said = [self._short(repo, *commit) for commit in page.cut(known)]
        return web.json_response(said, headers=page_links(request, page, len(known)))

    def _short(self, repo: HostedRepo, ref: str, sha: str) -> dict[str, Any]:
        url = f"{self._forge.api}/repos/{repo.path}/commits/{sha}"
        name = ref.removeprefix("refs/heads/")
        return {"name": name, "commit": {"sha": sha, "url": url}, "protected": False}

    async def branch(self, request: web.Request) -> web.Response:
        repo, name = (
            found.repository(self._forge, request),
            request.match_info["branch"],
        )
        sha = repo.shown_tip(name)
        if not sha:
            raise ApiError(404, "Branch not found")
        api = f"{self._forge.api}/repos/{repo.path}/branches/{name}"
        page = f"{self._forge.url}/{repo.path}/tree/{name}"
        return web.json_response(
            {
                "name": name,
                "commit": shapes.commit(
                    self._forge, repo, reading.one(repo.served, sha)
                ),
                "_links": {"self": api, "html": page},
                "protected": False,
                "protection": {
                    "enabled": False,
                    "required_status_checks": {
                        "enforcement_level": "off",
                        "contexts": [],
                        "checks": [],
                    },
                },
                "protection_url": f"{api}/protection",
            }
        )

    async def tags(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        page = Page.of(request, default=30)
        known = list(reading.refs(repo.served, "refs/tags/"))[::-1]
        said = [
            self._tag(repo, commit.removeprefix("refs/tags/"))
            for commit in page.cut(known)
        ]
        return web.json_response(said, headers=page_links(request, page, len(known)))

    def _tag(self, repo: HostedRepo, name: str) -> dict[str, Any]:
        api = f"{self._forge.api}/repos/{repo.path}"
        about = reading.find(repo.served, f"refs/tags/{name}^{{commit}}")
        sha = about[0] if about else reading.ZERO
        return {
            "name": name,
            "node_id": shapes.node_id("Ref", repo.number, name),
            "commit": {"sha": sha, "url": f"{api}/commits/{sha}"},
            "zipball_url": f"{api}/zipball/refs/tags/{name}",
            "tarball_url": f"{api}/tarball/refs/tags/{name}",
        }

    async def commits(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        sha = found.commit(repo, request.query.get("sha", repo.default_branch))
        page = Page.of(request, default=30)
        known = reading.log(repo.served, sha)
        said = [shapes.commit(self._forge, repo, commit) for commit in page.cut(known)]
        return web.json_response(said, headers=page_links(request, page, len(known)))

    async def commit(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        sha = found.commit(repo, request.match_info["ref"])
        if "vnd.github.sha" in request.headers.get("Accept", ""):
            return web.Response(text=sha, content_type="application/vnd.github.sha")
        return web.json_response(
            shapes.commit(self._forge, repo, reading.one(repo.served, sha))
        )


def _entry(api: str, entry: reading.Entry) -> dict[str, Any]:
    said: dict[str, Any] = {
        "path": entry.path,
        "mode": entry.mode,
        "type": entry.kind,
        "sha": entry.sha,
    }
    if entry.size is not None:
        said["size"] = entry.size
    if entry.kind != "commit":
        said["url"] = f"{api}/{entry.kind}s/{entry.sha}"
    return said


def _date(lines: dict[str, str]) -> str:
    seconds = int(lines["tagger"].split()[-2])
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
