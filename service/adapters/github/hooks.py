"""Manage webhooks at GitHub.

https://docs.github.com/en/rest/repos/webhooks, …/rest/orgs/webhooks
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from gidgethub import HTTPException

from service.adapters.forge_api.ref_names import quote_ref
from service.adapters.forge_api.responses import Number, parse_answer
from service.adapters.github.client import GitHubApi
from service.adapters.github.models import GitHubModel
from service.domain.delivery import Forge
from service.domain.hook import Hook, Reach
from service.domain.hook_health import ForgeHook
from service.ports.forge_hooks import Failed

__all__ = ["GitHubHooks"]

EVENTS: Final = ("push", "repository")
"""The second reports renames and a changed default branch."""
PUSH_EVENT: Final = "push"
MAX_DELIVERIES: Final = 300
"""Deliveries read from the log at once: three pages."""
MAX_HOOKS: Final = 100
"""Hooks read of a repository; GitHub allows 20 for one event."""

_ABSENT: Final = frozenset({404})
_SERVER_ERROR: Final = 500
_DELIVERED: Final = range(200, 300)


class HookConfig(GitHubModel):
    """Where and how a hook delivers."""

    url: str = ""
    content_type: str = "form"
    insecure_ssl: str | float = "0"
    secret: str = ""
    """Asterisks, when there is a secret."""


class GitHubHook(GitHubModel):
    """https://docs.github.com/en/rest/repos/webhooks#get-a-repository-webhook."""

    id: Number
    active: bool
    events: tuple[str, ...]
    config: HookConfig


class GitHubDelivery(GitHubModel):
    """https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook."""

    id: Number
    guid: str
    event: str
    status_code: int


class GitHubHooks:
    """Implement the port `ForgeHooks` for one host.

    Args:
        api: Makes requests with the host's token.
    """

    def __init__(self, *, api: GitHubApi) -> None:
        self._api = api

    def can_manage(self, hook: Hook) -> bool:
        return hook.forge is Forge.GITHUB and hook.reach is not Reach.HOST

    async def find(self, hook: Hook, *, url: str) -> ForgeHook | None:
        operation = f"look up the hook of {hook.repository.url}"
        if hook.forge_id is not None:
            path = _hook_path(hook, hook.forge_id)
            answer = await self._api.fetch(path, operation=operation, absent=_ABSENT)
            if answer is not None:
                return _to_forge_hook(
                    parse_answer(GitHubHook, answer, operation=operation)
                )
        for candidate in await self._list_hooks(hook, operation):
            # A hook that a person pasted has no id here yet; its URL holds our hook's
            # id and is unique.
            if candidate.config.url.rstrip("/") == url.rstrip("/"):
                return _to_forge_hook(candidate)
        return None

    async def create(self, hook: Hook, *, url: str) -> ForgeHook:
        operation = f"create a hook of {hook.repository.url}"
        # `web` is the only name that GitHub takes:
        # https://docs.github.com/en/rest/repos/webhooks#create-a-repository-webhook
        body = {"name": "web", **_hook_fields(hook, url)}
        with self._api.translate_errors(operation):
            answer = await self._api.post(_hooks_path(hook), data=body)
        return _to_forge_hook(parse_answer(GitHubHook, answer, operation=operation))

    async def edit(self, hook: Hook, *, url: str) -> None:
        # A config without the secret removes the secret, so all of it is sent.
        with self._api.translate_errors(f"change the hook of {hook.repository.url}"):
            await self._api.patch(_own_path(hook), data=_hook_fields(hook, url))

    async def remove(self, hook: Hook) -> None:
        operation = f"remove the hook of {hook.repository.url}"
        try:
            await self._api.delete(_own_path(hook))
        except HTTPException as exc:
            if int(exc.status_code) not in _ABSENT:
                raise self._api.translate_failure(exc, operation) from exc

    async def test(self, hook: Hook) -> None:
        with self._api.translate_errors(f"test the hook of {hook.repository.url}"):
            await self._api.post(f"{_own_path(hook)}/pings", data={})

    async def failed_deliveries(self, hook: Hook, *, after: str) -> Failed:
        operation = f"read the deliveries of the hook of {hook.repository.url}"
        seen = int(after) if after.isdigit() else 0
        deliveries = [
            delivery async for delivery in self._read_log(hook, operation, after=seen)
        ]
        # By guid, which redeliveries share: one that arrived at a later attempt is not
        # lost.
        arrived = {
            delivery.guid
            for delivery in deliveries
            if delivery.status_code in _DELIVERED
        }
        again = {
            delivery.guid: str(delivery.id)
            for delivery in deliveries  # newest first: the oldest attempt stays
            if delivery.event == PUSH_EVENT
            and delivery.guid not in arrived
            and _is_lost(delivery)
        }
        # Of all deliveries, also of those that arrived: the next check reads only what
        # came after.
        newest = max((delivery.id for delivery in deliveries), default=seen)
        return Failed(deliveries=tuple(reversed(again.values())), place=str(newest))

    async def redeliver(self, hook: Hook, delivery: str) -> None:
        path = f"{_own_path(hook)}/deliveries/{quote_ref(delivery)}/attempts"
        with self._api.translate_errors(f"redeliver at {hook.repository.url}"):
            await self._api.post(path, data={})

    async def _list_hooks(self, hook: Hook, operation: str) -> Sequence[GitHubHook]:
        path = f"{_hooks_path(hook)}?per_page={MAX_HOOKS}"
        answer = await self._api.fetch(path, operation=operation)
        with self._api.translate_errors(operation):
            return [
                parse_answer(GitHubHook, hook, operation=operation) for hook in answer
            ]

    async def _read_log(
        self, hook: Hook, operation: str, *, after: int
    ) -> AsyncIterator[GitHubDelivery]:
        """Read deliveries, newest first, down to one that was read before."""
        # Ids only grow, so `after` ends the walk; redelivered attempts are new ones.
        left = MAX_DELIVERIES
        with self._api.translate_errors(operation):
            async for answer in self._api.getiter(
                f"{_own_path(hook)}/deliveries?per_page=100"
            ):
                delivery = parse_answer(GitHubDelivery, answer, operation=operation)
                if delivery.id <= after or not left:
                    return
                left -= 1
                yield delivery


def _hook_fields(hook: Hook, url: str) -> Mapping[str, object]:
    return {
        "active": True,
        "events": list(EVENTS),
        "config": {
            "url": url,
            "content_type": "json",
            "insecure_ssl": "0",
            "secret": hook.secrets[0].reveal(),
        },
    }


def _to_forge_hook(answer: GitHubHook) -> ForgeHook:
    config = answer.config
    return ForgeHook(
        id=str(answer.id),
        url=config.url,
        is_active=answer.active,
        has_events=bool({PUSH_EVENT, "*"} & set(answer.events)),
        is_json=config.content_type == "json",
        has_secret=bool(config.secret),
        is_tls_checked=str(config.insecure_ssl) in {"0", "0.0"},
    )


def _is_lost(delivery: GitHubDelivery) -> bool:
    """Return whether a delivery never arrived, or met an error of the server."""
    # A 4xx is our refusal, which a redelivery would meet again.
    return delivery.status_code == 0 or delivery.status_code >= _SERVER_ERROR


def _hooks_path(hook: Hook) -> str:
    """Return the API path of all hooks, by the repository's number if that is known."""
    repository = hook.repository
    if hook.reach is Reach.OWNER:
        return f"/orgs/{quote_ref(repository.path)}/hooks"
    if repository.number is not None:
        return f"/repositories/{repository.number}/hooks"
    return f"/repos/{quote_ref(repository.path, safe='/')}/hooks"


def _hook_path(hook: Hook, forge_id: str) -> str:
    return f"{_hooks_path(hook)}/{quote_ref(forge_id)}"


def _own_path(hook: Hook) -> str:
    assert hook.forge_id is not None, "the hook was never seen at its forge"
    return _hook_path(hook, hook.forge_id)
