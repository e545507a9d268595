"""Gitea's files and blobs.

https://docs.gitea.com/api/ (repoGetContents, GetBlob, repoGetRawFile)
"""

import base64
import posixpath
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.forge import reading
from tests.support.forge.answers import ApiError
from tests.support.forge.gitea_found import commit, repository
from tests.support.forge.reading import Entry
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


class ContentResources:
    """Answers about what is at a path, and about blobs."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def blob(self, request: web.Request) -> web.Response:
        repo, sha = repository(self._forge, request), request.match_info["sha"]
        about = reading.find(repo.served, sha)
        if about is None or about[1] != "blob":
            raise ApiError(404, "object does not exist")
        content = reading.content(repo.served, about[0])
        return web.json_response(
            {
                "content": base64.b64encode(content).decode(),
                "encoding": "base64",
                "url": f"{self._forge.api}/repos/{repo.path}/git/blobs/{sha}",
                "sha": about[0],
                "size": len(content),
            }
        )

    async def raw(self, request: web.Request) -> web.Response:
        repo, _, entry = self._at(request)
        if entry is None or entry.kind != "blob":
            raise ApiError(404, "The target couldn't be found.")
        return web.Response(
            body=reading.content(repo.served, entry.sha), content_type="text/plain"
        )

    async def content(self, request: web.Request) -> web.Response:
        repo, sha, entry = self._at(request)
        path = request.match_info["path"].strip("/")
        about = reading.find(repo.served, f"{sha}:{path}")
        if about and about[1] == "tree":
            listed = reading.entries(repo.served, about[0])
            return web.json_response([self._about(repo, path, item) for item in listed])
        if entry is None:
            raise ApiError(404, "object does not exist")
        said = self._about(repo, posixpath.dirname(path), entry)
        if said["type"] == "file":
            raw = reading.content(repo.served, entry.sha)
            more = {"encoding": "base64", "content": base64.b64encode(raw).decode()}
            said |= more
        return web.json_response(said)

    def _at(self, request: web.Request) -> tuple[HostedRepo, str, Entry | None]:
        repo = repository(self._forge, request)
        sha = commit(repo, request.query.get("ref", repo.default_branch))
        path = request.match_info["path"].strip("/")
        return repo, sha, reading.entry_at(repo.served, sha, path)

    def _about(self, repo: HostedRepo, folder: str, it: Entry) -> dict[str, Any]:
        words = {"tree": "dir", "blob": "file", "commit": "submodule"}
        path = posixpath.join(folder, it.path)
        return {
            "name": it.path,
            "path": path,
            "sha": it.sha,
            "type": "symlink" if it.mode == "120000" else words[it.kind],
            "size": it.size or 0,
            "encoding": None,
            "content": None,
            "target": None,
            "url": f"{self._forge.api}/repos/{repo.path}/contents/{path}",
            "submodule_git_url": None,
        }
