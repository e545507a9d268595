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
    forge: "Forge", request: web.Request, *, to_manage: bool = False
) -> HostedRepo:
    """Find the repository of a request.

    Raises:
        ApiError: There is none, the caller may not see it or not manage it, or it
            has another name now.
    """
    info, caller = request.match_info, request[CALLER]
    if "number" in info:
        found = forge.repositories.numbered(int(info["number"]))
    else:
        path = f"{info['owner']}/{info['name']}"
        found = forge.repositories.named(path)
        left = forge.repositories.formerly(path)
        if left is not None and caller.may_read(left):
            rest = request.rel_url.raw_path_qs.partition(f"/repos/{path}")[2]
            where = f"{forge.api}/repos/{left.path}{rest}"
            raise ApiError(301, "moved", headers={"Location": where})
    if found is None or not caller.may_read(found):
        raise ApiError(404, "The target couldn't be found.")
    if to_manage and not caller.is_owner:
        status = 403 if caller.is_known else 401
        raise ApiError(status, "user should be an owner or a collaborator with admin")
    return found


def commit(repo: HostedRepo, name: str) -> str:
    """Resolve a branch, tag or commit.

    Raises:
        ApiError: There is none.
    """
    found = reading.find_commit(repo.served, name)
    if found is None:
        raise ApiError(404, f"object does not exist [id: {name}, rel_path: ]")
    return found
