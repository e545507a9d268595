"""The project and the commit that a request is about."""

from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.forge import reading
from tests.support.forge.access import CALLER
from tests.support.forge.answers import ApiError
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def project(
    forge: "Forge", request: web.Request, *, to_manage: bool = False
) -> HostedRepo:
    """Find the project of a request, by number or by path.

    Raises:
        ApiError: There is none, the caller may not see it or not manage it, or it
            has another path now.
    """
    caller = request[CALLER]
    given = request.match_info["id"]
    if given.isascii() and given.isdigit():
        found = forge.repositories.numbered(int(given))
    else:
        found = forge.repositories.named(given)
        left = forge.repositories.formerly(given)
        if left is not None and caller.may_read(left):
            raise _moved(forge, request, left)
    if found is None or not caller.may_read(found):
        raise ApiError(404, "404 Project Not Found")
    if to_manage and not caller.is_known:
        raise ApiError(401, "401 Unauthorized")
    if to_manage and not caller.is_owner:
        raise ApiError(403, "403 Forbidden")
    return found


def _moved(forge: "Forge", request: web.Request, repo: HostedRepo) -> ApiError:
    """https://docs.gitlab.com/api/rest/#redirects: by its number, and only for GET."""
    if request.method != "GET":
        return ApiError(405, "Non GET methods are not allowed for moved projects")
    _, _, after = request.rel_url.raw_path_qs.partition("/projects/")
    end = next((i for i, text in enumerate(after) if text in "/?"), len(after))
    where = f"{forge.api}/projects/{repo.number}{after[end:]}"
    return ApiError(301, f"moved to {where}", headers={"Location": where})


def commit(repo: HostedRepo, name: str | None, missing: str) -> str:
    """Resolve a branch, tag or commit; the default branch when none is named.

    Raises:
        ApiError: There is none; `missing` says what of.
    """
    found = reading.find_commit(repo.served, name or repo.default_branch)
    if found is None:
        raise ApiError(404, f"404 {missing} Not Found")
    return found
