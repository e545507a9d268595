"""Manage webhooks at GitLab.

https://docs.gitlab.com/api/project_webhooks/, …/api/group_webhooks/
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

import structlog
from gitlab import Gitlab
from gitlab.v4.objects import GroupHookManager, ProjectHookManager
from pydantic import BaseModel, ConfigDict

from service.adapters.forge_api.ref_names import quote_ref
from service.adapters.forge_api.responses import Number, parse_answer
from service.adapters.gitlab.client import GitLabClient
from service.domain.delivery import Forge
from service.domain.hook import Hook, Proof, Reach
from service.domain.hook_health import ForgeHook
from service.errors import RemoteRefusedError
from service.ports.forge_hooks import Failed, ProofNotOfferedError

__all__ = ["GitLabHooks"]

log = structlog.get_logger(__name__)

MAX_HOOKS: Final = 100
"""Hooks read of a project; GitLab.com allows no more."""
MAX_DELIVERIES: Final = 100
"""Deliveries read from the log at once."""

_EXECUTABLE: Final = "executable"
_PAUSED: Final = "temporarily_disabled"
_PUSHES: Final = frozenset({"push_hooks", "tag_push_hooks"})
_SERVER_ERROR: Final = 500
_DELIVERED: Final = range(200, 400)


class GitLabHook(BaseModel):
    """https://docs.gitlab.com/api/project_webhooks/#get-a-project-webhook."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: Number
    url: str
    push_events: bool = False
    tag_push_events: bool = False
    enable_ssl_verification: bool = True
    alert_status: str | None = _EXECUTABLE
    custom_webhook_template: str | None = None
    token_present: bool | None = None
    """None before 19.0, which does not report it."""
    signing_token_present: bool | None = None
    """None before 19.0, which has no signing tokens."""


class GitLabDelivery(BaseModel):
    """https://docs.gitlab.com/api/project_webhooks/#list-all-webhook-events."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: Number
    trigger: str = ""
    request_headers: Mapping[str, str] = {}
    response_status: str | int = ""
    """A status, or `internal error` without an answer."""

    @property
    def status(self) -> int:
        """The status of the answer; 0 without an answer."""
        text = str(self.response_status)
        return int(text) if text.isdigit() else 0

    @property
    def key(self) -> str:
        """An id that all attempts of one delivery share."""
        named = {name.lower(): text for name, text in self.request_headers.items()}
        return named.get("idempotency-key", str(self.id))


class GitLabHooks:
    """Implement the port `ForgeHooks` for one host.

    Args:
        client: The client of that host.
    """

    def __init__(self, *, client: GitLabClient) -> None:
        self._client = client

    def can_manage(self, hook: Hook) -> bool:
        return hook.forge is Forge.GITLAB and hook.reach is not Reach.HOST

    async def find(self, hook: Hook, *, url: str) -> ForgeHook | None:
        operation = f"look up the hook of {hook.repository.url}"

        def get_by_id(gl: Gitlab) -> Mapping[str, Any]:
            return _hook_manager(gl, hook).get(hook.forge_id or "").attributes

        def list_all(gl: Gitlab) -> list[Mapping[str, Any]]:
            hooks = _hook_manager(gl, hook).list(iterator=True, per_page=MAX_HOOKS)
            return [save_mixin.attributes for save_mixin in islice(hooks, MAX_HOOKS)]

        answer = (
            await self._client.find(operation, get_by_id) if hook.forge_id else None
        )
        if answer is not None:
            return _to_forge_hook(hook, answer, operation)
        for entry in await self._client.run(operation, list_all):
            if str(entry.get("url", "")).rstrip("/") == url.rstrip("/"):
                return _to_forge_hook(hook, entry, operation)
        return None

    async def create(self, hook: Hook, *, url: str) -> ForgeHook:
        operation = f"create a hook of {hook.repository.url}"

        def create_hook(gl: Gitlab) -> Mapping[str, Any]:
            return _hook_manager(gl, hook).create(_hook_fields(hook, url)).attributes

        def delete(gl: Gitlab) -> None:
            _hook_manager(gl, hook).delete(created.id)

        created = _to_forge_hook(
            hook, await self._client.run(operation, create_hook), operation
        )
        # The answer decides, and not the version, which not every token may read.
        if created.has_secret:
            return created
        # Versions before 19.0 ignore a signing token without an error: the hook would
        # deliver unsigned.
        await self._client.run(operation, delete)
        raise ProofNotOfferedError(
            f"{hook.repository.host} does not support the {hook.proof.value}"
        )

    async def edit(self, hook: Hook, *, url: str) -> None:
        def change(gl: Gitlab) -> None:
            _hook_manager(gl, hook).update(hook.forge_id, _hook_fields(hook, url))

        await self._client.run(f"change the hook of {hook.repository.url}", change)
        # Only a successful delivery enables a hook that GitLab has paused.
        # https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks
        try:
            await self.test(hook)
        except RemoteRefusedError as exc:  # an empty project has no push to test with
            log.info("hook not tested", hook=hook.id, error=str(exc))

    async def remove(self, hook: Hook) -> None:
        def delete(gl: Gitlab) -> None:
            _hook_manager(gl, hook).delete(hook.forge_id)

        await self._client.find(f"remove the hook of {hook.repository.url}", delete)

    async def test(self, hook: Hook) -> None:
        def test(gl: Gitlab) -> None:
            gl.http_post(f"{_hook_path(hook)}/test/push_events")

        await self._client.run(f"test the hook of {hook.repository.url}", test)

    async def failed_deliveries(self, hook: Hook, *, after: str) -> Failed:
        operation = f"read the deliveries of the hook of {hook.repository.url}"
        seen = int(after) if after.isdigit() else 0

        def log(gl: Gitlab) -> Sequence[Mapping[str, Any]]:
            answer = gl.http_list(
                f"{_hook_path(hook)}/events", per_page=20, iterator=True
            )
            return list(islice(answer, MAX_DELIVERIES))

        answer = await self._client.find(operation, log) or ()
        events = [
            parse_answer(GitLabDelivery, entry, operation=operation) for entry in answer
        ]
        fresh = [event for event in events if event.id > seen]
        arrived = {delivery.key for delivery in fresh if delivery.status in _DELIVERED}
        again = {
            delivery.key: str(delivery.id)
            # Newest first, so that the oldest attempt of each key stays last in the
            # dictionary; GitLab lists without a promised order.
            for delivery in sorted(fresh, key=lambda delivery: -delivery.id)
            if delivery.trigger in _PUSHES
            and delivery.key not in arrived
            and _is_lost(delivery)
        }
        newest = max((delivery.id for delivery in fresh), default=seen)
        return Failed(deliveries=tuple(reversed(again.values())), place=str(newest))

    async def redeliver(self, hook: Hook, delivery: str) -> None:
        def resend(gl: Gitlab) -> None:
            gl.http_post(f"{_hook_path(hook)}/events/{quote_ref(delivery)}/resend")

        await self._client.run(f"redeliver at {hook.repository.url}", resend)


def _hook_manager(gl: Gitlab, hook: Hook) -> ProjectHookManager | GroupHookManager:
    repository = hook.repository
    if hook.reach is Reach.OWNER:
        return gl.groups.get(repository.path, lazy=True).hooks
    return gl.projects.get(repository.number or repository.path, lazy=True).hooks


def _hook_path(hook: Hook) -> str:
    repository = hook.repository
    if hook.reach is Reach.OWNER:
        return f"/groups/{quote_ref(repository.path)}/hooks/{hook.forge_id}"
    name = str(repository.number or quote_ref(repository.path))
    return f"/projects/{name}/hooks/{hook.forge_id}"


def _hook_fields(hook: Hook, url: str) -> dict[str, Any]:
    # GitLab clears the secret when the URL changes, so both are always sent.
    is_signing = hook.proof is Proof.SIGNING_TOKEN
    return {
        "url": url,
        "push_events": True,
        "tag_push_events": True,
        "enable_ssl_verification": True,
        "custom_webhook_template": "",
        ("signing_token" if is_signing else "token"): hook.secrets[0].reveal(),
    }


def _to_forge_hook(hook: Hook, answer: Mapping[str, Any], operation: str) -> ForgeHook:
    described = parse_answer(GitLabHook, answer, operation=operation)
    if hook.proof is Proof.SIGNING_TOKEN:
        has_secret = described.signing_token_present is True
    else:
        has_secret = described.token_present is not False
    return ForgeHook(
        id=str(described.id),
        url=described.url,
        is_active=described.alert_status in {None, _EXECUTABLE, _PAUSED},
        is_paused=described.alert_status == _PAUSED,
        has_events=described.push_events and described.tag_push_events,
        has_secret=has_secret,
        is_tls_checked=described.enable_ssl_verification,
        has_template=bool(described.custom_webhook_template),
    )


def _is_lost(delivery: GitLabDelivery) -> bool:
    """Return whether a delivery never arrived, or met an error of the server."""
    # A 4xx is our refusal, which a redelivery would meet again.
    return delivery.status == 0 or delivery.status >= _SERVER_ERROR
