"""git over HTTP, where pushes are observed.

https://git-scm.com/docs/http-protocol. Private repositories ask for a password, which
is a token; a repository that may not be seen looks as if there were none.
"""

import asyncio
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from aiohttp import web

from tests.support.forge import pushes, reading
from tests.support.forge.access import Caller, token_in
from tests.support.forge.repositories import HostedRepo
from tests.support.githttp import GitForge

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

_SERVICE: Final = re.compile(
    r"/(?P<path>.+?)(?P<suffix>\.git)?"
    r"/(?P<rest>info/refs|git-upload-pack|git-receive-pack)"
)
_ASK: Final = {"WWW-Authenticate": 'Basic realm="git"'}


class GitDoor:
    """Serves clones and pushes.

    `faults` are the wire's (see `tests.support.githttp.Faults`); they concern git
    alone.
    """

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.backend = GitForge(forge.hosted)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        match = _SERVICE.fullmatch(request.path)
        if match is None:
            return web.Response(status=404, text="<html>Not Found</html>")
        caller = self._forge.tokens.caller(token_in(request))
        if caller is None:
            return web.Response(status=401, headers=_ASK)
        found = self._find(match)
        if isinstance(found, str):
            tail = f"?{request.query_string}" if request.query_string else ""
            where = f"{self._forge.url}/{found}.git/{match['rest']}{tail}"
            return web.Response(status=301, headers={"Location": where})
        service = request.query.get("service", match["rest"])
        refusal = _refusal(found, caller, to_write=service == "git-receive-pack")
        if found is None or refusal is not None:
            return refusal or web.Response(status=404)
        return await self._serve(request, match["rest"], found, caller)

    async def _serve(
        self, request: web.Request, rest: str, repo: HostedRepo, caller: Caller
    ) -> web.StreamResponse:
        inner = request.rel_url.with_path(f"/{repo.number}.git/{rest}", keep_query=True)
        asked = request.clone(rel_url=inner)
        if rest == "git-receive-pack":
            return await self._receive(asked, repo, caller)
        return await self.backend.handle(asked)

    def _find(self, match: re.Match[str]) -> HostedRepo | str | None:
        """Return the repository, the path to redirect to, or None."""
        forge, path = self._forge, match["path"]
        found = forge.repositories.named(path)
        if found is None and (left := forge.repositories.formerly(path)):
            # GitLab serves the old name itself; the others redirect.
            return left if forge.vendor == "gitlab" else left.path
        if found and forge.vendor == "gitlab" and not match["suffix"]:
            return found.path
        return found

    async def _receive(
        self, request: web.Request, repo: HostedRepo, caller: Caller
    ) -> web.StreamResponse:
        async with self._locks[repo.number]:
            before = reading.refs(repo.bare)
            response = await self.backend.handle(request)
            after = reading.refs(repo.bare)
            _choose_default(repo, after)
            pushes.announce(self._forge, repo, before, after, pusher=caller.name)
        return response


def _refusal(
    repo: HostedRepo | None, caller: Caller, *, to_write: bool
) -> web.Response | None:
    """Return the answer to who may not; what may not be seen seems not to be there."""
    if repo is None or not caller.may_read(repo):
        if caller.is_known:
            return web.Response(status=404, text="Repository not found.\n")
        return web.Response(status=401, headers=_ASK)
    if to_write and not caller.is_known:
        return web.Response(status=401, headers=_ASK)
    if to_write and not caller.may_write(repo):
        return web.Response(status=403)
    return None


def _choose_default(repo: HostedRepo, refs: dict[str, str]) -> None:
    """Make the first branch that arrives the default one, as forges do."""
    branches = [ref for ref in refs if ref.startswith("refs/heads/")]
    if branches and f"refs/heads/{repo.default_branch}" not in refs:
        repo.bare.make_default(branches[0].removeprefix("refs/heads/"))
