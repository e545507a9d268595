"""Plain git in this process, as the service makes it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from service.adapters.clock import SystemClock
from service.adapters.egress import ANYWHERE, EgressPolicy
from service.adapters.forge_api.api_tree import Kept, object_cache
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.http import open_http_client
from service.adapters.git.remote import GitRemote
from service.adapters.smart_http.remote import SmartHttpRemote
from service.ports.remote import FullRemote
from service.ports.time import Clock


@asynccontextmanager
async def smart_remote(
    *,
    git: FullRemote | None = None,
    deadline: timedelta = timedelta(seconds=20),
    gate: EgressPolicy = ANYWHERE,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    kept: ImmutableCache[Kept] | None = None,
    scope: str = "tests",
) -> AsyncIterator[SmartHttpRemote]:
    """Open a remote with git's command line behind it, unless another is given."""
    async with open_http_client(
        gate=gate, environment=environment or {}, deadline=deadline
    ) as http:
        yield SmartHttpRemote(
            git=git
            or GitRemote(
                environment=environment or {},
                allow_files=True,
                deadline=deadline,
                gate=gate,
            ),
            http=http,
            environment=environment or {},
            kept=object_cache(16) if kept is None else kept,
            scope=scope,
            clock=clock or SystemClock(),
        )
