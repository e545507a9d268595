"""GitLab's commit statuses: a row moves from state to state until it is final.

https://docs.gitlab.com/api/commits/#commit-status
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import (
    gitlab_found as found,
    gitlab_pages as pages,
    gitlab_shapes as shapes,
)
from tests.support.forge.access import CALLER
from tests.support.forge.answers import ApiError, is_true, json_of, milliseconds
from tests.support.forge.door import Handler
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

_EVENTS: Final = {
    "pending": "enqueue",
    "running": "run",
    "success": "success",
    "failed": "drop",
    "canceled": "cancel",
    "skipped": "skip",
}
_OPEN: Final = frozenset({"pending", "running"})


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = StatusResources(forge)
    yield "POST", "/statuses/{sha}", it.create
    yield "GET", "/repository/commits/{sha}/statuses", it.listed


class StatusResources:
    """Takes and gives what was said of commits."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def create(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request, to_manage=True)
        sha = found.commit(repo, request.match_info["sha"], "Commit")
        given = await json_of(request) | dict(request.query)
        state = given.get("state")
        if state not in _EVENTS:
            said = {"error": "state does not have a valid value"}
            return web.json_response(said, status=400)
        name = given.get("name") or given.get("context") or "default"
        ref = given.get("ref") or repo.default_branch
        row = self._open(repo, sha, name, ref)
        if row is not None:
            _check(row["status"], state)
        else:
            row = self._new(request, repo, {"sha": sha, "name": name, "ref": ref})
        row["status"] = state
        for key in ("target_url", "description", "coverage"):
            row[key] = given.get(key, row[key])
        if state not in _OPEN:
            row["finished_at"] = milliseconds(self._forge.clock.now())
        return web.json_response(row, status=201)

    def _open(
        self, repo: HostedRepo, sha: str, name: str, ref: str
    ) -> dict[str, Any] | None:
        """Return the row that is not final yet; a final one is followed by another."""
        for row in repo.statuses:
            is_same = (row["sha"], row["name"], row["ref"]) == (sha, name, ref)
            if is_same and row["status"] in _OPEN:
                return row
        return None

    def _new(
        self, request: web.Request, repo: HostedRepo, key: dict[str, str]
    ) -> dict[str, Any]:
        row: dict[str, Any] = key | {
            "id": len(repo.statuses) + 1,
            "status": "created",
            "target_url": None,
            "description": None,
            "coverage": None,
            "created_at": milliseconds(self._forge.clock.now()),
            "started_at": None,
            "finished_at": None,
            "allow_failure": False,
            "pipeline_id": repo.number,
            "author": shapes.user(self._forge, request[CALLER].name),
        }
        repo.statuses.append(row)
        return row

    async def listed(self, request: web.Request) -> web.Response:
        """The newest row of each name and ref, or all of them."""
        repo = found.project(self._forge, request)
        sha = found.commit(repo, request.match_info["sha"], "Commit")
        rows = [status for status in repo.statuses if status["sha"] == sha]
        if not is_true(request.query.get("all")):
            rows = list({(row["name"], row["ref"]): row for row in rows}.values())
        for key in ("name", "ref"):
            if key in request.query:
                rows = [row for row in rows if row[key] == request.query[key]]
        return pages.numbered(request, rows, lambda entry: entry)


def _check(old: str, new: str) -> None:
    """Refuse a move that GitLab's states have not: staying where one is, or back.

    Raises:
        ApiError: It is one.
    """
    if old == new or (old, new) == ("running", "pending"):
        event = _EVENTS[new]
        reason = f'Reason(s): Status cannot transition via "{event}"'
        raise ApiError(
            400, f"Cannot transition status via :{event} from :{old} ({reason})"
        )
