"""The repository and the commit that a request is about."""

from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.forge import reading
from tests.support.forge.access import CALLER
from tests.support.forge.answers import ApiError
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def repository(
    forge: "Forge", request: web.Request, *, to_write: bool = False
) -> HostedRepo:
    """Find the repository of a request.

    Raises:
        ApiError: There is none, the caller may not see it or not change it, or it
            has another name now.
    """
    info, caller = request.match_info, request[CALLER]
    if "number" in info:
        found = forge.repositories.numbered(int(info["number"]))
    else:
        path = f"{info['owner']}/{info['name'].removesuffix('.git')}"
        found = forge.repositories.named(path)
        left = forge.repositories.formerly(path)
        if left is not None and caller.may_read(left):
            raise _moved(forge, request, left)
    if found is None or not caller.may_read(found):
        raise ApiError(404, "Not Found")
    if to_write and not caller.is_owner:
        # GitHub hides what may not be administered, and refuses the rest.
        raise ApiError(404, "Not Found")
    if not caller.may_change and request.method not in {"GET", "HEAD"}:
        raise ApiError(403, "Resource not accessible by personal access token")
    if to_write and found.is_archived:
        raise ApiError(403, "Repository was archived so is read-only.")
    return found


def _moved(forge: "Forge", request: web.Request, repo: HostedRepo) -> ApiError:
    """https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects."""
    named = f"/repos/{request.match_info['owner']}/{request.match_info['name']}"
    rest = request.rel_url.raw_path_qs.partition(named)[2]
    where = f"{forge.api}/repositories/{repo.number}{rest}"
    status, message = (
        (301, "Moved Permanently")
        if request.method in {"GET", "HEAD"}
        else (307, "Temporary Redirect")
    )
    return ApiError(status, message, headers={"Location": where}, url=where)


def commit(repo: HostedRepo, name: str) -> str:
    """Resolve a branch, tag or commit.

    Raises:
        ApiError: There is none.
    """
    refuse_empty(repo)
    found = reading.find_commit(repo.served, name)
    if found is None:
        raise ApiError(422, f"No commit found for SHA: {name}")
    return found


def refuse_empty(repo: HostedRepo) -> None:
    if repo.is_empty:
        raise ApiError(409, "Git Repository is empty.")
