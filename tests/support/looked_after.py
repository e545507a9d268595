"""The service beside a forge that it has a token for: hooks as they really go."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.app.forges import open_forges
from service.domain.hook import Hook, HookId
from service.errors import RemoteRefusedError
from service.events.envelope import data_of
from service.events.models import HookUnhealthy
from service.settings import ForgeSettings, Settings
from tests.support.api import Api, serving
from tests.support.forge import Forge, HostedRepo, Vendor, a_forge
from tests.support.memory import MemoryBus
from tests.support.world import a_world


class ReadOnly(RoutedForgeHooks):
    """As with a token that may read hooks and not change them."""

    async def edit(self, hook: Hook, *, url: str) -> None:
        raise RemoteRefusedError(f"403: {url} of {hook.id} stays as it is")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAfter:
    """A forge with one repository, and the API with a token for it."""

    forge: Forge
    repo: HostedRepo
    api: Api
    hooks: RoutedForgeHooks

    async def add(self, **more: object) -> Any:
        """Add a hook of the repository."""
        body = {"repository": self.repo.url, "forge": self.forge.vendor} | more
        answer = await self.api.call("POST", "/hooks", body)
        assert answer.status == 201, answer
        await self.forge.settled()
        return answer.json

    async def check(self, hook: Any) -> Any:
        """Look after a hook now."""
        answer = await self.api.call("POST", f"/hooks/{hook['id']}/check")
        assert answer.status == 200, answer
        await self.forge.settled()
        return answer.json

    async def stored(self, hook: Any) -> Hook:
        async with self.api.world.store.reading() as tx:
            return await tx.hooks.get(HookId(hook["id"]))

    async def told(self) -> list[HookUnhealthy]:
        """Return what others were told of hooks that became unhealthy."""
        found = map(data_of, await self.api.spooled())
        return [
            event_data for event_data in found if isinstance(event_data, HookUnhealthy)
        ]


@asynccontextmanager
async def looked_after(
    folder: Path,
    vendor: Vendor,
    *,
    token: str | None = None,
    routed: type[RoutedForgeHooks] = RoutedForgeHooks,
) -> AsyncIterator[LookedAfter]:
    """Serve both; the token may do everything unless another is given."""
    async with (
        a_world(folder) as world,
        a_forge(folder, vendor=vendor, clock=world.clock) as forge,
        open_forges(
            Settings(forge=_settings(forge, token or forge.token)), clock=world.clock
        ) as forges,
    ):
        hooks = routed(open_api=forges.hooks)
        repo = forge.create("uni/course", files={"requirements.txt": "six\n"})
        async with serving(
            world, MemoryBus(), forge_hooks=hooks, is_reachable=True
        ) as api:
            yield LookedAfter(forge=forge, repo=repo, api=api, hooks=hooks)


def _settings(forge: Forge, token: str) -> ForgeSettings:
    return ForgeSettings(
        tokens=SecretStr(f"{forge.host}={token}"), kinds={forge.host: forge.vendor}
    )
