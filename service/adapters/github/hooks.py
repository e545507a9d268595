"""Webhooks at GitHub, looked after with a token.

https://docs.github.com/en/rest/repos/webhooks, …/rest/orgs/webhooks
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from gidgethub import HTTPException

from service.adapters.forge_api.names import quoted
from service.adapters.forge_api.reading import read
from service.adapters.github.api import GitHubApi
from service.adapters.github.shapes import Shape
from service.domain.checkup import ForgeHook
from service.domain.delivery import Forge
from service.domain.hook import Hook, Reach
from service.errors import TransientError
from service.ports.forge_hooks import Failed

__all__ = ["GitHubHooks"]

EVENTS: Final = ("push", "repository")
"""The second tells of renames and of another default branch."""
NEEDED: Final = "push"
MOST_READ: Final = 300
"""Of the log of deliveries, at once: three pages."""
MOST_HOOKS: Final = 100
"""GitHub allows 20 for one event."""

_ABSENT: Final = frozenset({404})
_SERVER_ERROR: Final = 500
_DONE: Final = range(200, 300)


class HookConfig(Shape):
    """Where and how a hook delivers."""

    url: str = ""
    content_type: str = "form"
    insecure_ssl: str | float = "0"
    secret: str = ""
    """Asterisks, when there is one."""


class HookTold(Shape):
    """https://docs.github.com/en/rest/repos/webhooks#get-a-repository-webhook."""

    id: int
    active: bool
    events: tuple[str, ...]
    config: HookConfig


class DeliveryTold(Shape):
    """https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook."""

    id: int
    guid: str
    event: str
    status_code: int


class GitHubHooks:
    """Implements the port `ForgeHooks` for one host.

    Args:
        api: Makes requests with the host's token.
    """

    def __init__(self, *, api: GitHubApi) -> None:
        self._api = api

    def can_manage(self, hook: Hook) -> bool:
        return hook.forge is Forge.GITHUB and hook.reach is not Reach.HOST

    async def find(self, hook: Hook, *, url: str) -> ForgeHook | None:
        doing = f"look up the hook of {hook.repository.url}"
        if hook.forge_id is not None:
            path = _one(hook, hook.forge_id)
            said = await self._api.item(path, doing=doing, absent=_ABSENT)
            if said is not None:
                return _found(read(HookTold, said, doing=doing))
        known = await self._all(hook, doing)
        ours = [it for it in known if it.config.url.rstrip("/") == url.rstrip("/")]
        return _found(ours[0]) if ours else None

    async def create(self, hook: Hook, *, url: str) -> ForgeHook:
        doing = f"make a hook of {hook.repository.url}"
        body = {"name": "web", **_wanted(hook, url)}
        with self._translated(doing):
            said = await self._api.post(_hooks(hook), data=body)
        return _found(read(HookTold, said, doing=doing))

    async def edit(self, hook: Hook, *, url: str) -> None:
        # A config without the secret would remove the secret, so all of it is sent.
        with self._translated(f"mend the hook of {hook.repository.url}"):
            await self._api.patch(_its(hook), data=_wanted(hook, url))

    async def remove(self, hook: Hook) -> None:
        doing = f"remove the hook of {hook.repository.url}"
        try:
            await self._api.delete(_its(hook))
        except HTTPException as exc:
            if int(exc.status_code) not in _ABSENT:
                raise self._api.failure(exc, doing) from exc

    async def test(self, hook: Hook) -> None:
        with self._translated(f"test the hook of {hook.repository.url}"):
            await self._api.post(f"{_its(hook)}/pings", data={})

    async def failed(self, hook: Hook, *, after: str) -> Failed:
        doing = f"read what the hook of {hook.repository.url} delivered"
        seen = int(after) if after.isdigit() else 0
        read = [it async for it in self._log(hook, doing, after=seen)]
        arrived = {it.guid for it in read if it.status_code in _DONE}
        again = {
            it.guid: str(it.id)
            for it in read  # newest first, so that the oldest attempt stays
            if it.event == NEEDED and it.guid not in arrived and _is_lost(it)
        }
        newest = max((it.id for it in read), default=seen)
        return Failed(deliveries=tuple(reversed(again.values())), place=str(newest))

    async def redeliver(self, hook: Hook, delivery: str) -> None:
        path = f"{_its(hook)}/deliveries/{quoted(delivery)}/attempts"
        with self._translated(f"have {hook.repository.url} deliver again"):
            await self._api.post(path, data={})

    async def _all(self, hook: Hook, doing: str) -> Sequence[HookTold]:
        path = f"{_hooks(hook)}?per_page={MOST_HOOKS}"
        said = await self._api.item(path, doing=doing)
        return [read(HookTold, it, doing=doing) for it in said]

    async def _log(
        self, hook: Hook, doing: str, *, after: int
    ) -> AsyncIterator[DeliveryTold]:
        """Read deliveries, newest first, down to one that was read before."""
        left = MOST_READ
        with self._translated(doing):
            async for said in self._api.getiter(
                f"{_its(hook)}/deliveries?per_page=100"
            ):
                delivery = read(DeliveryTold, said, doing=doing)
                if delivery.id <= after or not left:
                    return
                left -= 1
                yield delivery

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except HTTPException as exc:
            raise self._api.failure(exc, doing) from exc
        except (ValueError, LookupError, RecursionError) as exc:
            raise TransientError(f"cannot {doing}: the answer is not readable") from exc


def _wanted(hook: Hook, url: str) -> Mapping[str, object]:
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


def _found(told: HookTold) -> ForgeHook:
    config = told.config
    return ForgeHook(
        id=str(told.id),
        url=config.url,
        is_active=told.active,
        has_events=bool({NEEDED, "*"} & set(told.events)),
        is_json=config.content_type == "json",
        has_secret=bool(config.secret),
        is_tls_checked=str(config.insecure_ssl) in {"0", "0.0"},
    )


def _is_lost(it: DeliveryTold) -> bool:
    """Say whether nobody of ours saw it: what we refused is refused again."""
    return it.status_code == 0 or it.status_code >= _SERVER_ERROR


def _hooks(hook: Hook) -> str:
    """Return the path of all its hooks, by the number once that is known."""
    repository = hook.repository
    if hook.reach is Reach.OWNER:
        return f"/orgs/{quoted(repository.path)}/hooks"
    if repository.number is not None:
        return f"/repositories/{repository.number}/hooks"
    return f"/repos/{quoted(repository.path, safe='/')}/hooks"


def _one(hook: Hook, forge_id: str) -> str:
    return f"{_hooks(hook)}/{quoted(forge_id)}"


def _its(hook: Hook) -> str:
    assert hook.forge_id is not None, "the hook was never seen at its forge"
    return _one(hook, hook.forge_id)
