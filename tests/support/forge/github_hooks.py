"""GitHub's hooks, their configuration, pings and tests.

https://docs.github.com/en/rest/repos/webhooks
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import (
    github_found as found,
    github_payloads as payloads,
    moves,
    pushes,
    reading,
)
from tests.support.forge.answers import ApiError, Page, json_of, page_links, zulu
from tests.support.forge.door import Handler
from tests.support.forge.github_deliveries import DeliveryResources
from tests.support.forge.hooks import Hook
from tests.support.forge.moves import Move
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

HOOKS: Final = 20
"""For one event."""
_MASK: Final = "********"


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it, log = HookResources(forge), DeliveryResources(forge)
    yield "GET", "/hooks", it.listed
    yield "POST", "/hooks", it.create
    yield "GET", "/hooks/{hook:[0-9]+}", it.one
    yield "PATCH", "/hooks/{hook:[0-9]+}", it.change
    yield "DELETE", "/hooks/{hook:[0-9]+}", it.delete
    yield "GET", "/hooks/{hook:[0-9]+}/config", it.config
    yield "PATCH", "/hooks/{hook:[0-9]+}/config", it.change_config
    yield "POST", "/hooks/{hook:[0-9]+}/pings", it.ping
    yield "POST", "/hooks/{hook:[0-9]+}/tests", it.test
    yield "GET", "/hooks/{hook:[0-9]+}/deliveries", log.listed
    one = "/hooks/{hook:[0-9]+}/deliveries/{delivery:[0-9]+}"
    yield "GET", one, log.one
    yield "POST", one + "/attempts", log.again


class HookResources:
    """Makes, shows, changes and tries hooks."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def listed(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request, to_write=True)
        known = self._forge.hooks.of(repo.number)
        page = Page.of(request, default=30)
        said = [shape(self._forge, repo, hook) for hook in page.cut(known)]
        return web.json_response(said, headers=page_links(request, page, len(known)))

    async def create(self, request: web.Request) -> web.Response:
        repo = found.repository(self._forge, request, to_write=True)
        given = await json_of(request)
        config = given.get("config") or {}
        events = given.get("events") or ["push"]
        self._check(repo, config, events)
        hook = self._forge.hooks.add(
            config["url"], repository=repo.number, events=events
        )
        hook.is_active = bool(given.get("active", True))
        _configure(hook, {"content_type": "form", "secret": ""} | config)
        self._ping(repo, hook)
        return web.json_response(shape(self._forge, repo, hook), status=201)

    def _check(
        self, repo: HostedRepo, config: Mapping[str, Any], events: list[str]
    ) -> None:
        known = self._forge.hooks.of(repo.number)
        if not str(config.get("url", "")).startswith(("http://", "https://")):
            raise _invalid("url is missing or is no URL")
        if any(
            hook.url == config["url"] and set(hook.events) == set(events)
            for hook in known
        ):
            raise _invalid("Hook already exists on this repository")
        for event in events:
            if sum(event in hook.events for hook in known) >= HOOKS:
                text = f'The "{event}" event cannot have more than {HOOKS} hooks'
                raise _invalid(text)

    async def one(self, request: web.Request) -> web.Response:
        repo, hook = find(self._forge, request)
        return web.json_response(shape(self._forge, repo, hook))

    async def change(self, request: web.Request) -> web.Response:
        """A `config` replaces all of it: without a secret, there is none any more."""
        repo, hook = find(self._forge, request)
        given = await json_of(request)
        events = given.get("events") or hook.events
        events = [
            event for event in events if event not in given.get("remove_events", [])
        ]
        hook.events = list(dict.fromkeys([*events, *given.get("add_events", [])]))
        hook.is_active = bool(given.get("active", hook.is_active))
        if "config" in given:
            fresh = {"content_type": "form", "secret": "", "insecure_ssl": "0"}
            _configure(hook, fresh | given["config"])
        hook.updated_at = self._forge.clock.now()
        return web.json_response(shape(self._forge, repo, hook))

    async def delete(self, request: web.Request) -> web.Response:
        self._forge.hooks.remove(find(self._forge, request)[1])
        return web.Response(status=204)

    async def config(self, request: web.Request) -> web.Response:
        return web.json_response(_config(find(self._forge, request)[1]))

    async def change_config(self, request: web.Request) -> web.Response:
        """What is not given stays."""
        _, hook = find(self._forge, request)
        _configure(hook, await json_of(request))
        hook.updated_at = self._forge.clock.now()
        return web.json_response(_config(hook))

    async def ping(self, request: web.Request) -> web.Response:
        self._ping(*find(self._forge, request))
        return web.Response(status=204)

    def _ping(self, repo: HostedRepo, hook: Hook) -> None:
        said = payloads.ping(self._forge, hook, shape(self._forge, repo, hook))
        self._forge.courier.tell(hook, repo.number, "ping", pushes.encode(said))

    async def test(self, request: web.Request) -> web.Response:
        """Tell the latest push again, as a push like any other."""
        repo, hook = find(self._forge, request)
        move = _latest(repo)
        if "push" in hook.events and move:
            said = payloads.push(self._forge, repo, move, pusher="owner")
            assert said is not None
            body = pushes.encode(said)
            guid = str(uuid.uuid4())
            self._forge.courier.tell(hook, repo.number, "push", body, guid=guid)
        return web.Response(status=204)


def _latest(repo: HostedRepo) -> Move | None:
    tip = repo.tip(repo.default_branch)
    if not tip:
        return None
    parents = reading.one(repo.bare, tip).parents
    before = parents[0] if parents else "0" * len(tip)
    return Move(ref=moves.BRANCHES + repo.default_branch, before=before, after=tip)


def find(forge: "Forge", request: web.Request) -> tuple[HostedRepo, Hook]:
    """Find the hook of a request; only who may administer the repository can."""
    repo = found.repository(forge, request, to_write=True)
    hook = forge.hooks.find(int(request.match_info["hook"]))
    if hook is None or hook.repository != repo.number:
        raise ApiError(404, "Not Found")
    return repo, hook


def shape(forge: "Forge", repo: HostedRepo, hook: Hook) -> dict[str, Any]:
    api = f"{forge.api}/repos/{repo.path}/hooks/{hook.id}"
    code = hook.last_status
    words = {None: "unused", 0: "timeout"}
    is_good = code is not None and 200 <= code < 300
    return {
        "type": "Repository",
        "id": hook.id,
        "name": "web",
        "active": hook.is_active,
        "events": hook.events,
        "config": _config(hook),
        "updated_at": zulu(hook.updated_at),
        "created_at": zulu(hook.created_at),
        "url": api,
        "test_url": f"{api}/test",
        "ping_url": f"{api}/pings",
        "deliveries_url": f"{api}/deliveries",
        "last_response": {
            "code": code,
            "status": "active" if is_good else words.get(code, "misconfigured"),
            "message": "OK" if is_good else None,
        },
    }


def _config(hook: Hook) -> dict[str, str]:
    said = {
        "content_type": hook.content_type,
        "insecure_ssl": hook.insecure_ssl,
        "url": hook.url,
    }
    return said | ({"secret": _MASK} if hook.secret else {})


def _configure(hook: Hook, config: Mapping[str, Any]) -> None:
    hook.url = config.get("url", hook.url)
    hook.content_type = config.get("content_type", hook.content_type)
    hook.secret = config.get("secret", hook.secret) or ""
    hook.insecure_ssl = str(config.get("insecure_ssl", hook.insecure_ssl))


def _invalid(message: str) -> ApiError:
    problem = {"resource": "Hook", "code": "custom", "message": message}
    return ApiError(422, "Validation Failed", errors=[problem])
