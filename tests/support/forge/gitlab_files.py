"""GitLab's trees, files and blobs.

https://docs.gitlab.com/api/repositories/, /api/repository_files/
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import (
    gitlab_found as found,
    gitlab_pages as pages,
    reading,
)
from tests.support.forge.answers import ApiError, is_true
from tests.support.forge.door import Handler
from tests.support.forge.reading import Entry
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

_ORDER: Final = {"tree": 0, "blob": 1, "commit": 2}


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = FileResources(forge)
    yield "GET", "/repository/tree", it.tree
    yield "GET", "/repository/files/{path}/raw", it.raw_file
    yield "GET", "/repository/files/{path}", it.file
    yield "GET", "/repository/blobs/{sha}/raw", it.raw_blob
    yield "GET", "/repository/blobs/{sha}", it.blob


class FileResources:
    """Answers about what a project's commits hold."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def tree(self, request: web.Request) -> web.Response:
        """One directory, or all below it; directories first."""
        repo = found.project(self._forge, request)
        sha = found.commit(repo, request.query.get("ref"), "Tree")
        path = request.query.get("path", "").strip("/")
        about = reading.find(repo.served, f"{sha}:{path}")
        if about is None or about[1] != "tree":
            raise ApiError(404, "404 invalid revision or path Not Found")
        is_deep = is_true(request.query.get("recursive"))
        entries = reading.entries(repo.served, about[0], is_deep=is_deep)
        entries.sort(key=lambda entry: _ORDER[entry.kind])
        said = [_entry(entry, path) for entry in entries]
        if request.query.get("pagination") == "keyset":
            return pages.keyset(request, said)
        return pages.numbered(request, said, lambda entry: entry)

    async def file(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request)
        if "ref" not in request.query:
            return web.json_response({"error": "ref is missing"}, status=400)
        about = self._about(request, repo)
        if request.method == "HEAD":
            return web.Response(headers=_headers(about))
        content = about.pop("bytes")
        encoded = base64.b64encode(content).decode()
        return web.json_response(
            about | {"encoding": "base64", "content": encoded}, headers=_headers(about)
        )

    async def raw_file(self, request: web.Request) -> web.Response:
        about = self._about(request, found.project(self._forge, request))
        return web.Response(
            body=about["bytes"], content_type="text/plain", headers=_headers(about)
        )

    def _about(self, request: web.Request, repo: HostedRepo) -> dict[str, Any]:
        name = request.query.get("ref", "HEAD")
        ref = repo.default_branch if name == "HEAD" else name
        commit = found.commit(repo, ref, "Commit")
        path = request.match_info["path"]
        entry = reading.entry_at(repo.served, commit, path)
        if entry is None or entry.kind != "blob":
            raise ApiError(404, "404 File Not Found")
        content = reading.content(repo.served, entry.sha)
        return {
            "file_name": path.rpartition("/")[2],
            "file_path": path,
            "size": len(content),
            "content_sha256": hashlib.sha256(content).hexdigest(),
            "ref": name,
            "blob_id": entry.sha,
            "commit_id": commit,
            "last_commit_id": reading.last_change(repo.served, commit, path),
            "execute_filemode": entry.mode == "100755",
            "bytes": content,
        }

    async def blob(self, request: web.Request) -> web.Response:
        sha, content = self._blob(request)
        encoded = base64.b64encode(content).decode()
        said = {
            "size": len(content),
            "encoding": "base64",
            "content": encoded,
            "sha": sha,
        }
        return web.json_response(said)

    async def raw_blob(self, request: web.Request) -> web.Response:
        return web.Response(body=self._blob(request)[1], content_type="text/plain")

    def _blob(self, request: web.Request) -> tuple[str, bytes]:
        repo, sha = found.project(self._forge, request), request.match_info["sha"]
        about = reading.find(repo.served, sha)
        if about is None or about[1] != "blob":
            raise ApiError(404, "404 Blob Not Found")
        return about[0], reading.content(repo.served, about[0])


def _entry(entry: Entry, folder: str) -> dict[str, Any]:
    return {
        "id": entry.sha,
        "name": entry.path.rpartition("/")[2],
        "type": entry.kind,
        "path": f"{folder}/{entry.path}" if folder else entry.path,
        "mode": entry.mode,
    }


def _headers(about: dict[str, Any]) -> dict[str, str]:
    names = (text for text in about if text not in {"bytes", "content"})
    return {
        f"X-Gitlab-{'-'.join(word.title() for word in name.split('_'))}": (
            str(about[name]).lower()
            if isinstance(about[name], bool)
            else str(about[name])
        )
        for name in names
    } | {"X-Gitlab-Encoding": "base64"}
