"""Webhooks at a GitLab, looked after with a token.

https://docs.gitlab.com/api/project_webhooks/, …/api/group_webhooks/
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

import structlog
from gitlab import Gitlab
from gitlab.v4.objects import GroupHookManager, ProjectHookManager
from pydantic import BaseModel, ConfigDict

from service.adapters.forge_api.names import quoted
from service.adapters.forge_api.reading import read
from service.adapters.gitlab.line import GitLabLine
from service.domain.checkup import ForgeHook
from service.domain.delivery import Forge
from service.domain.hook import Hook, Proof, Reach
from service.errors import RemoteRefusedError
from service.ports.forge_hooks import Failed, ProofNotOfferedError

__all__ = ["GitLabHooks"]

log = structlog.get_logger(__name__)

MOST_HOOKS: Final = 100
"""What GitLab.com allows for a project."""
MOST_READ: Final = 100
"""Of the log of deliveries, at once."""

_WELL: Final = "executable"
_PAUSED: Final = "temporarily_disabled"
_PUSHES: Final = frozenset({"push_hooks", "tag_push_hooks"})
_SERVER_ERROR: Final = 500
_DONE: Final = range(200, 400)


class GitLabHook(BaseModel):
    """https://docs.gitlab.com/api/project_webhooks/#get-a-project-webhook."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: int
    url: str
    push_events: bool = False
    tag_push_events: bool = False
    enable_ssl_verification: bool = True
    alert_status: str | None = _WELL
    custom_webhook_template: str | None = None
    token_present: bool | None = None
    """None before 19.0, where nobody tells."""
    signing_token_present: bool | None = None
    """None before 19.0, where there is no such thing."""


class GitLabDelivery(BaseModel):
    """https://docs.gitlab.com/api/project_webhooks/#list-all-webhook-events."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: int
    trigger: str = ""
    request_headers: Mapping[str, str] = {}
    response_status: str | int = ""
    """A status, or `internal error` when there was no answer."""

    @property
    def status(self) -> int:
        """The status of the answer; 0 when there was none."""
        text = str(self.response_status)
        return int(text) if text.isdigit() else 0

    @property
    def key(self) -> str:
        """The same for every attempt."""
        named = {name.lower(): it for name, it in self.request_headers.items()}
        return named.get("idempotency-key", str(self.id))


class GitLabHooks:
    """Implements the port `ForgeHooks` for one host.

    Args:
        line: To that host.
    """

    def __init__(self, *, line: GitLabLine) -> None:
        self._line = line

    def can_manage(self, hook: Hook) -> bool:
        return hook.forge is Forge.GITLAB and hook.reach is not Reach.HOST

    async def find(self, hook: Hook, *, url: str) -> ForgeHook | None:
        doing = f"look up the hook of {hook.repository.url}"

        def by_id(gl: Gitlab) -> Mapping[str, Any]:
            return _hooks(gl, hook).get(hook.forge_id or "").attributes

        def by_url(gl: Gitlab) -> list[Mapping[str, Any]]:
            known = _hooks(gl, hook).list(iterator=True, per_page=MOST_HOOKS)
            return [it.attributes for it in islice(known, MOST_HOOKS)]

        said = await self._line.find(doing, by_id) if hook.forge_id else None
        if said is not None:
            return _found(hook, said, doing)
        for it in await self._line.ask(doing, by_url):
            if str(it.get("url", "")).rstrip("/") == url.rstrip("/"):
                return _found(hook, it, doing)
        return None

    async def create(self, hook: Hook, *, url: str) -> ForgeHook:
        doing = f"make a hook of {hook.repository.url}"

        def make(gl: Gitlab) -> Mapping[str, Any]:
            return _hooks(gl, hook).create(_wanted(hook, url)).attributes

        def unmake(gl: Gitlab) -> None:
            _hooks(gl, hook).delete(found.id)

        found = _found(hook, await self._line.ask(doing, make), doing)
        if found.has_secret:
            return found
        # Versions before 19.0 pass over a signing token in silence: such a hook
        # would deliver without any proof.
        await self._line.ask(doing, unmake)
        raise ProofNotOfferedError(
            f"{hook.repository.host} did not take the {hook.proof.value}"
        )

    async def edit(self, hook: Hook, *, url: str) -> None:
        def change(gl: Gitlab) -> None:
            _hooks(gl, hook).update(hook.forge_id, _wanted(hook, url))

        await self._line.ask(f"mend the hook of {hook.repository.url}", change)
        # Only a delivery that succeeds ends a pause.
        # https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks
        try:
            await self.test(hook)
        except RemoteRefusedError as exc:  # an empty project has nothing to tell
            log.info("hook not tested", hook=hook.id, error=str(exc))

    async def remove(self, hook: Hook) -> None:
        def delete(gl: Gitlab) -> None:
            _hooks(gl, hook).delete(hook.forge_id)

        await self._line.find(f"remove the hook of {hook.repository.url}", delete)

    async def test(self, hook: Hook) -> None:
        def test(gl: Gitlab) -> None:
            gl.http_post(f"{_path(hook)}/test/push_events")

        await self._line.ask(f"test the hook of {hook.repository.url}", test)

    async def failed(self, hook: Hook, *, after: str) -> Failed:
        doing = f"read what the hook of {hook.repository.url} delivered"
        seen = int(after) if after.isdigit() else 0

        def log(gl: Gitlab) -> Sequence[Mapping[str, Any]]:
            said = gl.http_list(f"{_path(hook)}/events", per_page=20, iterator=True)
            return list(islice(said, MOST_READ))

        told = await self._line.find(doing, log) or ()
        events = [read(GitLabDelivery, it, doing=doing) for it in told]
        fresh = [it for it in events if it.id > seen]
        arrived = {it.key for it in fresh if it.status in _DONE}
        again = {
            it.key: str(it.id)
            for it in sorted(fresh, key=lambda it: -it.id)
            if it.trigger in _PUSHES and it.key not in arrived and _is_lost(it)
        }
        newest = max((it.id for it in fresh), default=seen)
        return Failed(deliveries=tuple(reversed(again.values())), place=str(newest))

    async def redeliver(self, hook: Hook, delivery: str) -> None:
        def resend(gl: Gitlab) -> None:
            gl.http_post(f"{_path(hook)}/events/{quoted(delivery)}/resend")

        await self._line.ask(f"have {hook.repository.url} deliver again", resend)


def _hooks(gl: Gitlab, hook: Hook) -> ProjectHookManager | GroupHookManager:
    repository = hook.repository
    if hook.reach is Reach.OWNER:
        return gl.groups.get(repository.path, lazy=True).hooks
    return gl.projects.get(repository.number or repository.path, lazy=True).hooks


def _path(hook: Hook) -> str:
    repository = hook.repository
    if hook.reach is Reach.OWNER:
        return f"/groups/{quoted(repository.path)}/hooks/{hook.forge_id}"
    name = str(repository.number or quoted(repository.path))
    return f"/projects/{name}/hooks/{hook.forge_id}"


def _wanted(hook: Hook, url: str) -> dict[str, Any]:
    """A new URL empties the secret, so both are always sent."""
    is_signing = hook.proof is Proof.SIGNING_TOKEN
    return {
        "url": url,
        "push_events": True,
        "tag_push_events": True,
        "enable_ssl_verification": True,
        "custom_webhook_template": "",
        ("signing_token" if is_signing else "token"): hook.secrets[0].reveal(),
    }


def _found(hook: Hook, said: Mapping[str, Any], doing: str) -> ForgeHook:
    told = read(GitLabHook, said, doing=doing)
    if hook.proof is Proof.SIGNING_TOKEN:
        has_secret = told.signing_token_present is True
    else:
        has_secret = told.token_present is not False
    return ForgeHook(
        id=str(told.id),
        url=told.url,
        is_active=told.alert_status in {None, _WELL, _PAUSED},
        is_paused=told.alert_status == _PAUSED,
        has_events=told.push_events and told.tag_push_events,
        has_secret=has_secret,
        is_tls_checked=told.enable_ssl_verification,
        has_template=bool(told.custom_webhook_template),
    )


def _is_lost(it: GitLabDelivery) -> bool:
    """Say whether nobody of ours saw it: what we refused is refused again."""
    return it.status == 0 or it.status >= _SERVER_ERROR
