"""GitLab's project hooks: made, changed, tested; and the log of their events.

https://docs.gitlab.com/api/project_webhooks/
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.support.forge import (
    gitlab_found as found,
    gitlab_pages as pages,
    gitlab_payloads as payloads,
    pushes,
)
from tests.support.forge.answers import ApiError, is_true, json_of, milliseconds
from tests.support.forge.door import Handler
from tests.support.forge.gitlab_events import EventResources
from tests.support.forge.hooks import Hook
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

EVENTS: Final = (
    *("push_events", "tag_push_events", "issues_events", "merge_requests_events"),
    *("confidential_issues_events", "note_events", "confidential_note_events"),
    *("pipeline_events", "wiki_page_events", "deployment_events", "job_events"),
    *("releases_events", "milestone_events", "feature_flag_events", "emoji_events"),
    *("resource_access_token_events", "repository_update_events"),
)
_TRIGGERS: Final = {"push_events": "Push Hook", "tag_push_events": "Tag Push Hook"}
_SIGNING: Final = 19
"""The major version from which on there are signing tokens."""


def routes(forge: "Forge") -> Iterator[tuple[str, str, Handler]]:
    it, log = HookResources(forge), EventResources(forge)
    yield "GET", "/hooks", it.listed
    yield "POST", "/hooks", it.create
    yield "GET", "/hooks/{hook:[0-9]+}", it.one
    yield "PUT", "/hooks/{hook:[0-9]+}", it.change
    yield "DELETE", "/hooks/{hook:[0-9]+}", it.delete
    yield "POST", "/hooks/{hook:[0-9]+}/test/{trigger}", it.test
    yield "GET", "/hooks/{hook:[0-9]+}/events", log.listed
    yield "POST", "/hooks/{hook:[0-9]+}/events/{event:[0-9]+}/resend", log.resend


class HookResources:
    """Makes, shows, changes and tries hooks."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def listed(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request, to_manage=True)
        known = self._forge.hooks.of(repo.number)
        return pages.numbered(request, known, lambda hook: self._shape(repo, hook))

    async def create(self, request: web.Request) -> web.Response:
        repo = found.project(self._forge, request, to_manage=True)
        given = await json_of(request)
        if "url" not in given:
            return web.json_response({"error": "url is missing"}, status=400)
        _check_url(given["url"])
        hook = self._forge.hooks.add(
            given["url"], repository=repo.number, events=["push_events"]
        )
        self._configure(hook, given)
        return web.json_response(self._shape(repo, hook), status=201)

    async def one(self, request: web.Request) -> web.Response:
        return web.json_response(self._shape(*find(self._forge, request)))

    async def change(self, request: web.Request) -> web.Response:
        """Another URL takes the secret token away, and forgets the failures."""
        repo, hook = find(self._forge, request)
        given = await json_of(request)
        url = given.get("url", hook.url)
        _check_url(url)
        if url != hook.url:
            hook.url, hook.secret, hook.signing_token = url, "", ""
            hook.succeed()
        self._configure(hook, given)
        hook.updated_at = self._forge.clock.now()
        return web.json_response(self._shape(repo, hook))

    def _configure(self, hook: Hook, given: Mapping[str, Any]) -> None:
        flags = dict.fromkeys(hook.events, True) | {
            name: is_true(given[name]) for name in EVENTS if name in given
        }
        hook.events = [name for name, is_on in flags.items() if is_on]
        hook.secret = given.get("token", hook.secret) or ""
        has_signing = int(self._forge.version.partition(".")[0]) >= _SIGNING
        if has_signing:  # older ones take no notice of it
            hook.signing_token = given.get("signing_token", hook.signing_token) or ""
        hook.branch_filter = given.get("push_events_branch_filter", hook.branch_filter)
        hook.name = given.get("name", hook.name)
        hook.description = given.get("description", hook.description)
        verify = given.get("enable_ssl_verification", hook.insecure_ssl == "0")
        hook.insecure_ssl = "0" if is_true(verify) else "1"
        for header in given.get("custom_headers") or []:
            hook.custom_headers[header["key"]] = header["value"]

    async def delete(self, request: web.Request) -> web.Response:
        self._forge.hooks.remove(find(self._forge, request)[1])
        return web.Response(status=204)

    async def test(self, request: web.Request) -> web.Response:
        """Send a sample and wait for the answer; a disabled hook is tried too."""
        repo, hook = find(self._forge, request)
        event = _TRIGGERS.get(request.match_info["trigger"])
        if event is None or repo.is_empty:
            raise ApiError(422, "Ensure the project has at least one commit.")
        is_tag = event.startswith("Tag")
        said = payloads.sample(self._forge, repo, is_tag=is_tag)
        body = pushes.encode(said)
        delivery = self._forge.courier.tell(hook, repo.number, event, body)
        await self._forge.settled()
        if delivery is None or not delivery.has_succeeded:
            raise ApiError(422, delivery.answer if delivery else "too large")
        return web.json_response({"message": "201 Created"}, status=201)

    def _shape(self, repo: HostedRepo, hook: Hook) -> dict[str, Any]:
        """Secrets are never shown; that there are some is."""
        at = hook.disabled_until
        return {
            "id": hook.id,
            "url": hook.url,
            "name": hook.name,
            "description": hook.description,
            "created_at": milliseconds(hook.created_at),
            "project_id": repo.number,
            **{name: name in hook.events for name in EVENTS},
            "push_events_branch_filter": hook.branch_filter or None,
            "branch_filter_strategy": "wildcard",
            "custom_webhook_template": "",
            "custom_headers": [{"key": header} for header in hook.custom_headers],
            "enable_ssl_verification": hook.insecure_ssl == "0",
            "alert_status": hook.alert_status(self._forge.clock.now()),
            "disabled_until": milliseconds(at) if at else None,
            "url_variables": [],
            "token_present": bool(hook.secret),
            "signing_token_present": bool(hook.signing_token),
        }


def find(forge: "Forge", request: web.Request) -> tuple[HostedRepo, Hook]:
    """Find the hook of a request; only who manages the project can."""
    repo = found.project(forge, request, to_manage=True)
    hook = forge.hooks.find(int(request.match_info["hook"]))
    if hook is None or hook.repository != repo.number:
        raise ApiError(404, "404 Not found")
    return repo, hook


def _check_url(url: str) -> None:
    if not str(url).startswith(("http://", "https://")):
        raise ApiError(422, "Invalid url given")
