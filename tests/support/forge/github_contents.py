"""GitHub's contents, with their caps and their way with links.

https://docs.github.com/en/rest/repos/contents
"""

import base64
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import github_found as found, reading
from tests.support.forge.answers import ApiError
from tests.support.forge.door import Handler
from tests.support.forge.reading import Entry
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

JSON_CAP: Final = 1024 * 1024
"""Larger files come raw, or without their content."""
ENTRIES: Final = 1000
"""Of a directory; what is beyond is left out without a word."""
_LINK: Final = "120000"


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = ContentResources(forge)
    yield "GET", "/contents", it.content
    yield "GET", "/contents/{path:.*}", it.content


class ContentResources:
    """Answers about what is at a path."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def content(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        path = request.match_info.get("path", "").strip("/")
        ref = request.query.get("ref", repo.default_branch)
        commit = reading.find_commit(repo.served, ref)
        if commit is None:
            missing = "This repository is empty."
            text = missing if repo.is_empty else f"No commit found for the ref {ref}"
            raise ApiError(404, text)
        about = reading.find(repo.served, f"{commit}:{path}")
        if about and about[1] == "tree":
            entries = reading.entries(repo.served, about[0])[:ENTRIES]
            return web.json_response(
                [self._listed(repo, ref, _below(path, item)) for item in entries]
            )
        entry = reading.entry_at(repo.served, commit, path)
        if entry is None:
            raise ApiError(404, "Not Found")
        return self._file(request, repo, commit, ref, replace(entry, path=path))

    def _file(
        self, request: web.Request, repo: HostedRepo, commit: str, ref: str, it: Entry
    ) -> web.Response:
        if it.kind == "commit":
            said = self._about(repo, ref, it, "submodule")
            return web.json_response(said | {"submodule_git_url": repo.url})
        content = reading.content(repo.served, it.sha)
        if it.mode == _LINK:
            target = _target(repo, commit, it.path, content.decode())
            if target is None:
                said = self._about(repo, ref, it, "symlink")
                return web.json_response(said | {"target": content.decode()})
            content = reading.content(repo.served, target.sha)
        if len(content) > self._forge.blob_cap:
            message = "This API returns blobs up to 100 MB in size."
            raise ApiError(403, message, errors=[{"code": "too_large"}])
        if "raw" in request.headers.get("Accept", ""):
            kind = "application/vnd.github.raw"
            return web.Response(body=content, content_type=kind)
        is_small = len(content) <= JSON_CAP
        return web.json_response(
            self._about(repo, ref, replace(it, size=len(content)), "file")
            | {
                "encoding": "base64" if is_small else "none",
                "content": base64.encodebytes(content).decode() if is_small else "",
            }
        )

    def _listed(self, repo: HostedRepo, ref: str, it: Entry) -> dict[str, Any]:
        """A submodule is called a file here: GitHub keeps it so for old clients."""
        words = {"tree": "dir", "blob": "file", "commit": "file"}
        kind = "symlink" if it.mode == _LINK else words[it.kind]
        return self._about(repo, ref, it, kind)

    def _about(
        self, repo: HostedRepo, ref: str, it: Entry, kind: str
    ) -> dict[str, Any]:
        api = f"{self._forge.api}/repos/{repo.path}"
        page = f"{self._forge.url}/{repo.path}"
        url = f"{api}/contents/{it.path}?ref={ref}"
        git = None
        if it.kind != "commit":
            git = f"{api}/git/{it.kind}s/{it.sha}"
        html = f"{page}/{'tree' if kind == 'dir' else 'blob'}/{ref}/{it.path}"
        return {
            "type": kind,
            "name": posixpath.basename(it.path),
            "path": it.path,
            "sha": it.sha,
            "size": it.size or 0,
            "url": url,
            "html_url": html,
            "git_url": git,
            "download_url": f"{page}/raw/{ref}/{it.path}"
            if it.kind == "blob"
            else None,
            "_links": {"self": url, "git": git, "html": html},
        }


def _below(folder: str, it: Entry) -> Entry:
    return replace(it, path=posixpath.join(folder, it.path))


def _target(repo: HostedRepo, commit: str, path: str, target: str) -> Entry | None:
    """Return the file of the repository that a link leads to, if it does."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if joined.startswith(("/", "..")):
        return None
    entry = reading.entry_at(repo.served, commit, joined)
    is_file = entry is not None and entry.kind == "blob" and entry.mode != _LINK
    return entry if is_file else None
