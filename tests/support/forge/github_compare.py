"""GitHub's comparison of two commits: from their merge base, with its caps.

https://docs.github.com/en/rest/commits/commits#compare-two-commits
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import (
    github_found as found,
    github_shapes as shapes,
    reading,
)
from tests.support.forge.answers import ApiError, Page, page_links
from tests.support.forge.door import Handler
from tests.support.forge.reading import Change
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

FILES: Final = 300
"""Of the whole comparison, on the first page."""
COMMITS: Final = 250
"""On a page, when no size is asked for."""
_WORDS: Final = {
    "A": "added",
    "C": "copied",
    "D": "removed",
    "M": "modified",
    "R": "renamed",
    "T": "changed",
}


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    yield "GET", "/compare/{basehead:.+}", CompareResources(forge).compare


class CompareResources:
    """Answers about what lies between two commits."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def compare(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request)
        base_name, dots, head_name = request.match_info["basehead"].partition("...")
        base = reading.find_commit(repo.served, base_name)
        head = reading.find_commit(repo.served, head_name)
        if not dots or base is None or head is None:
            raise ApiError(404, "Not Found")
        common = reading.merge_base(repo.served, base, head)
        if common is None:
            names = f"{base_name} and {head_name}"
            raise ApiError(404, f"No common ancestor between {names}.")
        return self._compared(request, repo, (base, common, head))

    def _compared(
        self, request: web.Request, repo: HostedRepo, three: tuple[str, str, str]
    ) -> web.Response:
        base, common, head = three
        ahead = reading.log(repo.served, head, f"^{base}")[::-1]
        behind = reading.count(repo.served, f"{head}..{base}")
        page = Page.of(request, default=COMMITS, most=COMMITS)
        name = request.match_info["basehead"]
        api = f"{self._forge.api}/repos/{repo.path}/compare/{name}"
        html = f"{self._forge.url}/{repo.path}/compare/{name}"
        files = []
        if page.number == 1:
            files = diff_entries(self._forge, repo, common, head)[:FILES]
        said = {
            "url": api,
            "html_url": html,
            "permalink_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "base_commit": self._commit(repo, base),
            "merge_base_commit": self._commit(repo, common),
            "status": _status(len(ahead), behind),
            "ahead_by": len(ahead),
            "behind_by": behind,
            "total_commits": len(ahead),
            "commits": [
                shapes.commit(self._forge, repo, commit) for commit in page.cut(ahead)
            ],
            "files": files,
        }
        return web.json_response(said, headers=page_links(request, page, len(ahead)))

    def _commit(self, repo: HostedRepo, sha: str) -> dict[str, Any]:
        return shapes.commit(self._forge, repo, reading.one(repo.served, sha))


def _status(ahead: int, behind: int) -> str:
    match ahead > 0, behind > 0:
        case True, True:
            return "diverged"
        case True, False:
            return "ahead"
        case False, True:
            return "behind"
        case _:
            return "identical"


def diff_entries(
    forge: "Forge", repo: HostedRepo, old: str, new: str
) -> list[dict[str, Any]]:
    """List the files that differ between two trees; without patches."""
    counts = reading.line_counts(repo.served, old, new)
    return [
        _entry(forge, repo, new, change, counts.get(change.path, (0, 0)))
        for change in reading.changes(repo.served, old, new)
    ]


def _entry(
    forge: "Forge", repo: HostedRepo, new: str, it: Change, counts: tuple[int, int]
) -> dict[str, Any]:
    api, page = f"{forge.api}/repos/{repo.path}", f"{forge.url}/{repo.path}"
    said: dict[str, Any] = {
        "sha": it.old_sha if it.letter == "D" else it.sha,
        "filename": it.path,
        "status": _WORDS[it.letter],
        "additions": counts[0],
        "deletions": counts[1],
        "changes": sum(counts),
        "blob_url": f"{page}/blob/{new}/{it.path}",
        "raw_url": f"{page}/raw/{new}/{it.path}",
        "contents_url": f"{api}/contents/{it.path}?ref={new}",
    }
    return said | ({"previous_filename": it.old_path} if it.letter in "RC" else {})
