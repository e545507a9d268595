"""GitLab's comparison of two commits: from their merge base unless it is straight.

https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.forge import (
    gitlab_found as found,
    gitlab_shapes as shapes,
    reading,
)
from tests.support.forge.answers import ApiError, is_true
from tests.support.forge.door import Handler
from tests.support.forge.reading import Change

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

_ABSENT = "000000"


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    yield "GET", "/repository/compare", CompareResources(forge).compare


class CompareResources:
    """Answers about what lies between two commits."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def compare(self, request: web.Request) -> web.Response:
        """Files beyond the forge's limit are left out: `compare_timeout` says so."""
        repo = found.project(self._forge, request)
        old = found.commit(repo, request.query.get("from", ""), "Ref")
        new = found.commit(repo, request.query.get("to", ""), "Ref")
        base: str | None = old
        if not is_true(request.query.get("straight")):
            base = reading.merge_base(repo.served, old, new)
        if base is None:
            raise ApiError(404, "404 Merge Base Not Found")
        changes = reading.changes(repo.served, base, new)
        cap = self._forge.compare_cap
        commits = [
            shapes.commit(self._forge, repo, commit)
            for commit in reading.log(repo.served, new, f"^{base}")[::-1]
        ]
        page = f"{self._forge.url}/{repo.path}/-/compare/{old}...{new}"
        return web.json_response(
            {
                "commit": commits[-1] if commits else None,
                "commits": commits,
                "diffs": [_diff(change) for change in changes[:cap]],
                "compare_timeout": len(changes) > cap,
                "compare_same_ref": old == new,
                "web_url": page,
            }
        )


def _diff(it: Change) -> dict[str, Any]:
    """Without the text of the difference, as GitLab tells files that are too large."""
    return {
        "old_path": it.old_path,
        "new_path": it.path,
        "a_mode": "0" if it.old_mode == _ABSENT else it.old_mode,
        "b_mode": "0" if it.mode == _ABSENT else it.mode,
        "diff": "",
        "new_file": it.letter == "A",
        "renamed_file": it.letter == "R",
        "deleted_file": it.letter == "D",
        "generated_file": False,
        "collapsed": False,
        "too_large": True,
    }
