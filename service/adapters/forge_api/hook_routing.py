"""Manage webhooks at every forge with a token."""

from collections.abc import Callable, Mapping
from typing import Final

from service.domain.delivery import Forge
from service.domain.hook import Hook, Reach
from service.domain.hook_health import ForgeHook
from service.errors import RemoteRefusedError
from service.ports.forge_hooks import Failed, HostHooks

__all__ = ["RoutedForgeHooks"]

NO_KINDS: Final[Mapping[str, Forge]] = {}


class RoutedForgeHooks:
    """Implement the port `ForgeHooks` for all hosts.

    Args:
        open_api: Opens the hook client of a host; None where there is no token.
        kinds: Which forge a host runs, where the settings name it.
    """

    def __init__(
        self,
        *,
        open_api: Callable[[str], HostHooks | None],
        kinds: Mapping[str, Forge] = NO_KINDS,
    ) -> None:
        self._open_api = open_api
        self._kinds = kinds
        self._apis: dict[str, HostHooks | None] = {}

    def forge_at(self, host: str) -> Forge | None:
        return self._kinds.get(host)

    def can_manage(self, hook: Hook) -> bool:
        api = self._api(hook)
        return api is not None and api.can_manage(hook)

    async def find(self, hook: Hook, *, url: str) -> ForgeHook | None:
        return await self._manager(hook).find(hook, url=url)

    async def create(self, hook: Hook, *, url: str) -> ForgeHook:
        return await self._manager(hook).create(hook, url=url)

    async def edit(self, hook: Hook, *, url: str) -> None:
        await self._manager(hook).edit(hook, url=url)

    async def remove(self, hook: Hook) -> None:
        await self._manager(hook).remove(hook)

    async def test(self, hook: Hook) -> None:
        await self._manager(hook).test(hook)

    async def failed_deliveries(self, hook: Hook, *, after: str) -> Failed:
        return await self._manager(hook).failed_deliveries(hook, after=after)

    async def redeliver(self, hook: Hook, delivery: str) -> None:
        await self._manager(hook).redeliver(hook, delivery)

    def _manager(self, hook: Hook) -> HostHooks:
        api = self._api(hook)
        if api is None:
            raise RemoteRefusedError(f"no token is known for {hook.repository.host}")
        return api

    def _api(self, hook: Hook) -> HostHooks | None:
        host = hook.repository.host
        # The hook of a GitHub App or of a whole instance is its administrator's.
        if hook.reach is Reach.HOST:
            return None
        if host not in self._apis:
            self._apis[host] = self._open_api(host)
        return self._apis[host]
