"""The adapters, chosen by the settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from consumers.bell import Bell
from consumers.roles import ROLES
from service.adapters.clock import SystemClock, UlidIds
from service.adapters.ringing import RingingStore
from service.adapters.sandbox.client import ForkingSandbox
from service.adapters.store import Database, SqlStore, key_file, open_database
from service.app.remotes import open_remotes
from service.app.tools import tools_of
from service.domain.hook import Secret
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.forge_hooks import ForgeHooks
from service.ports.notices import Notices
from service.ports.remote import SweptRemote
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock, Ids
from service.settings import Settings

__all__ = ["Engines", "open_engines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What every role needs."""

    store: Store
    bus: Bus
    remote: SweptRemote
    forge_hooks: ForgeHooks
    notices: Notices
    sandbox: Sandbox
    clock: Clock
    ids: Ids
    metrics: Metrics
    bell: Bell
    """Rung whenever this process committed events."""


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[Engines]:
    """Open database and bus, and close them after the block.

    Raises:
        TransientError: One of them does not answer.
        PermanentError: One of them is set up wrongly; the message says how.
    """
    clock = SystemClock()
    bell = Bell(clock=clock)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(settings.database_url, keys=_keys(settings))
        )
        remotes = await stack.enter_async_context(open_remotes(settings, clock=clock))
        yield Engines(
            store=RingingStore(SqlStore(database), ring=bell.ring),
            bus=await _open_bus(stack, settings, database, clock),
            remote=remotes.remote,
            forge_hooks=remotes.hooks,
            notices=remotes.notices,
            sandbox=stack.enter_context(ForkingSandbox(tools=tools_of(settings))),
            clock=clock,
            ids=UlidIds(),
            metrics=Metrics(registry=CollectorRegistry()),
            bell=bell,
        )


async def _open_bus(
    stack: AsyncExitStack, settings: Settings, database: Database, clock: Clock
) -> Bus:
    if settings.bus is None:
        from service.adapters.table_bus import TableBus  # noqa: PLC0415

        return TableBus(database, roles=ROLES, clock=clock)
    # Only who has a broker pays for its client.
    from service.app.amqp import open_rabbitmq  # noqa: PLC0415

    return await stack.enter_async_context(
        open_rabbitmq(settings, roles=ROLES, clock=clock)
    )


def _keys(settings: Settings) -> Sequence[Secret]:
    if settings.secret_key is None:
        return [key_file(settings.data / "secret-key")]
    given = settings.secret_key.get_secret_value()
    return [Secret(it.strip()) for it in given.split(",")]
