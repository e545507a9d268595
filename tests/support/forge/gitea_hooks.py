"""Gitea's hooks; there is no log of deliveries in its API.

https://docs.gitea.com/api/ (repoListHooks, repoCreateHook, repoEditHook, repoTestHook)
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.forge import gitea_payloads as payloads, moves, pushes
from tests.support.forge.answers import ApiError, Page, json_of, page_links, zulu
from tests.support.forge.door import Handler
from tests.support.forge.gitea_found import repository
from tests.support.forge.hooks import Hook
from tests.support.forge.moves import Move
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it = HookResources(forge)
    yield "GET", "/hooks", it.listed
    yield "POST", "/hooks", it.create
    yield "GET", "/hooks/{hook:[0-9]+}", it.one
    yield "PATCH", "/hooks/{hook:[0-9]+}", it.change
    yield "DELETE", "/hooks/{hook:[0-9]+}", it.delete
    yield "POST", "/hooks/{hook:[0-9]+}/tests", it.test


class HookResources:
    """Makes, shows, changes and tries hooks."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def listed(self, request: web.Request) -> web.Response:
        repo = repository(self._forge, request, to_manage=True)
        known = self._forge.hooks.of(repo.number)
        page = Page.of(request, default=30, most=50)
        headers = page_links(request, page, len(known))
        return web.json_response(
            [_shape(hook) for hook in page.cut(known)], headers=headers
        )

    async def create(self, request: web.Request) -> web.Response:
        repo = repository(self._forge, request, to_manage=True)
        given = await json_of(request)
        config = given.get("config") or {}
        if given.get("type") not in {"gitea", "forgejo", "gogs"}:
            raise ApiError(422, f"Invalid hook type: {given.get('type')}")
        if not {"url", "content_type"} <= config.keys():
            raise ApiError(422, "Missing config option: url or content_type")
        hook = self._forge.hooks.add(
            config["url"],
            repository=repo.number,
            secret=config.get("secret", ""),
            events=given.get("events") or ["push"],
        )
        hook.content_type = config["content_type"]
        hook.is_active = bool(given.get("active", False))
        return web.json_response(_shape(hook), status=201)

    async def one(self, request: web.Request) -> web.Response:
        return web.json_response(_shape(self._find(request)[1]))

    async def change(self, request: web.Request) -> web.Response:
        _, hook = self._find(request)
        given = await json_of(request)
        config: Mapping[str, Any] = given.get("config") or {}
        hook.url = config.get("url", hook.url)
        hook.content_type = config.get("content_type", hook.content_type)
        hook.secret = config.get("secret", hook.secret)
        hook.events = given.get("events") or hook.events
        hook.is_active = bool(given.get("active", hook.is_active))
        hook.updated_at = self._forge.clock.now()
        return web.json_response(_shape(hook))

    async def delete(self, request: web.Request) -> web.Response:
        self._forge.hooks.remove(self._find(request)[1])
        return web.Response(status=204)

    async def test(self, request: web.Request) -> web.Response:
        """Tell of the default branch, before and after being its tip."""
        repo, hook = self._find(request)
        tip = repo.tip(repo.default_branch)
        move = Move(ref=moves.BRANCHES + repo.default_branch, before=tip, after=tip)
        said = payloads.push(self._forge, repo, move, pusher="owner") if tip else None
        if said:
            body = pushes.encode(said)
            self._forge.courier.tell(hook, repo.number, "push", body)
        return web.Response(status=204)

    def _find(self, request: web.Request) -> tuple[HostedRepo, Hook]:
        repo = repository(self._forge, request, to_manage=True)
        hook = self._forge.hooks.find(int(request.match_info["hook"]))
        if hook is None or hook.repository != repo.number:
            raise ApiError(404, "The target couldn't be found.")
        return repo, hook


def _shape(hook: Hook) -> dict[str, Any]:
    """The secret is never shown."""
    return {
        "id": hook.id,
        "type": "gitea",
        "branch_filter": hook.branch_filter or "*",
        "config": {"content_type": hook.content_type, "url": hook.url},
        "events": hook.events,
        "authorization_header": "",
        "active": hook.is_active,
        "created_at": zulu(hook.created_at),
        "updated_at": zulu(hook.updated_at),
    }
