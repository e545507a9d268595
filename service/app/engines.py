"""The adapters, chosen by the settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from consumers.loops.precedence import Precedence
from consumers.loops.wakeup import Wakeup
from consumers.subscriptions import ROLES
from service.adapters.clock import SystemClock, UlidIds
from service.adapters.commit_notifier import CommitNotifyingStore
from service.adapters.forge_api.rate_limit import ForgeObserver
from service.adapters.renku.client import RenkuClient
from service.adapters.sandbox.client import ForkingSandbox
from service.adapters.store import Database, SqlStore, key_file, open_database
from service.adapters.traced_bus import TracedBus
from service.app.process import open_identity, open_notifications
from service.app.remotes import open_remotes
from service.app.roles.ready import VERSION
from service.app.tools import tools_of
from service.app.upstream.client import open_upstream
from service.domain.hook import Secret
from service.errors import InvalidRequestError
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.commit_statuses import CommitStatuses
from service.ports.forge_hooks import ForgeHooks
from service.ports.identity import Identities
from service.ports.notifier import Notifier
from service.ports.remote import FullRemote
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock, Ids
from service.ports.tracing import Tracer
from service.settings import Settings

__all__ = ["Engines", "open_engines", "secret_keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What every role needs."""

    store: Store
    bus: Bus
    remote: FullRemote
    anonymous_remote: FullRemote
    forge_hooks: ForgeHooks
    identities: Identities
    upstream: RenkuClient | None
    """The Renku that launchers live in; None where they live here."""
    notices: CommitStatuses
    notifier: Notifier
    sandbox: Sandbox
    clock: Clock
    ids: Ids
    metrics: Metrics
    wakeup: Wakeup
    """Notified whenever this process committed events."""
    precedence: Precedence
    """Of what is on its way to a build."""


@asynccontextmanager
async def open_engines(
    settings: Settings, *, migrates: bool = True
) -> AsyncIterator[Engines]:
    """Open database and bus, and close them after the block.

    Args:
        settings: They select the adapters.
        migrates: Whether to bring the tables to this version's state, or to refuse
            those of another one.

    Raises:
        TransientError: One of them does not answer.
        PermanentError: One of them is set up wrongly; the message explains it.
    """
    clock = SystemClock()
    precedence = Precedence()
    wakeup = Wakeup(clock=clock, after=precedence)
    async with AsyncExitStack() as stack:
        # Opened first and so closed last: the embedded bus and the outbox relay write
        # into it until they have ended.
        database = await stack.enter_async_context(
            open_database(
                settings.database_url, keys=secret_keys(settings), migrates=migrates
            )
        )
        metrics = Metrics(registry=CollectorRegistry())
        remotes = await stack.enter_async_context(
            open_remotes(settings, clock=clock, observer=_observer(metrics))
        )
        # The only store that is handed out: a commit through another one would leave
        # its events for the relay's poll, seconds later.
        store = CommitNotifyingStore(SqlStore(database), notify=wakeup.notify)
        yield Engines(
            store=store,
            bus=await _open_bus(stack, settings, database, clock),
            remote=remotes.remote,
            anonymous_remote=remotes.anonymous,
            forge_hooks=remotes.hooks,
            identities=await stack.enter_async_context(
                open_identity(settings, clock=clock)
            ),
            upstream=await stack.enter_async_context(
                open_upstream(settings, store=store, clock=clock)
            ),
            notices=remotes.notices,
            notifier=await stack.enter_async_context(
                open_notifications(settings, clock=clock)
            ),
            sandbox=stack.enter_context(ForkingSandbox(tools=tools_of(settings))),
            clock=clock,
            ids=UlidIds(),
            metrics=metrics,
            wakeup=wakeup,
            precedence=precedence,
        )


def _observer(metrics: Metrics) -> ForgeObserver:
    return ForgeObserver(
        answered=lambda host, status: metrics.forge_answered(host=host, status=status),
        left=lambda host, left: metrics.forge_budget(host=host, left=left),
    )


async def _open_bus(
    stack: AsyncExitStack, settings: Settings, database: Database, clock: Clock
) -> Bus:
    # Opened before the bus and so closed after it: the last events have spans, too.
    tracer = await _open_tracer(stack, settings)
    bus: Bus
    if settings.bus is None:
        from service.adapters.embedded_bus.bus import TableBus  # noqa: PLC0415

        bus = TableBus(database, roles=ROLES, clock=clock)
    else:
        # Only who has a broker pays for its client.
        from service.app.amqp import open_rabbitmq  # noqa: PLC0415

        bus = await stack.enter_async_context(
            open_rabbitmq(settings, roles=ROLES, clock=clock)
        )
    return bus if tracer is None else TracedBus(bus, tracer=tracer, clock=clock)


async def _open_tracer(stack: AsyncExitStack, settings: Settings) -> Tracer | None:
    """Open what takes spans; None where traces are off.

    Raises:
        InvalidRequestError: They are on, and their library is not installed.
    """
    if not settings.traces:
        return None
    try:
        # Only who wants traces pays for their library, or has it.
        from service.adapters.otlp import open_tracer  # noqa: PLC0415
    except ImportError as exc:
        raise InvalidRequestError(
            f"settings: RELAUNCH_TRACES needs the extra `traces` ({exc.name} is not "
            "installed): pip install 'relaunch[traces]'"
        ) from exc
    return await stack.enter_async_context(open_tracer(version=VERSION))


def secret_keys(settings: Settings) -> Sequence[Secret]:
    """Return the keys of what is encrypted at rest; the first one encrypts."""
    if settings.secret_key is None:
        # Only for one process: several with a data folder each would make a key each,
        # and could not read each other's hooks. `expect_settings` refuses that.
        return [key_file(settings.data / "secret-key")]
    given = settings.secret_key.get_secret_value()
    return [Secret(part.strip()) for part in given.split(",")]
