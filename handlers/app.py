"""Puts the HTTP side together."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Final

from aiohttp import web

from handlers import app_keys as keys
from handlers.api.idempotency import api_handler
from handlers.api.lazy_json import LazyJson
from handlers.api.openapi import SPEC, document
from handlers.auth import Guard
from handlers.door_routes import DOOR_ROUTES
from handlers.middleware import ANY, UNKNOWN, expect, handle_errors, unknown
from handlers.page.app import add_pages
from handlers.page.keys import SIGN_IN_PATH, PageOptions
from handlers.read_your_writes import ReadYourWrites
from handlers.route import Handler, Route, Surface
from handlers.sse import CLOSING
from handlers.use_cases import (
    Ports,
    RepositoryReading,
    make_hook_editor,
    make_hook_maintainer,
    make_launcher_editor,
    make_lookup,
    make_pinner,
    make_previewer,
    make_prober,
    make_project_editor,
)
from handlers.usecases.build_descriptions import BuildDescriber
from handlers.usecases.explain.report import Explainer
from handlers.usecases.hook_descriptions import HookDescriber
from handlers.usecases.usage import UsageReader
from handlers.webhooks.body import BodyReader
from handlers.webhooks.endpoint import MAX_BODY
from handlers.webhooks.ingest import Receiver
from service.domain.building.resource_pool import ResourcePool
from service.domain.building.retention import RetentionPolicy
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.building.waiting import Limits
from service.domain.hook import Secret
from service.domain.rights.decision import Permission
from service.domain.rights.grants import NO_RULES, GrantRules
from service.events.asyncapi import EXCHANGE, asyncapi
from service.metrics import Metrics
from service.ports.builder import BuilderIdentity
from service.ports.bus import Bus
from service.ports.forge_hooks import ForgeHooks
from service.ports.identity import IdentityProvider, NoIdentityProvider
from service.ports.notifier import NO_NOTIFIER, Notifier
from service.ports.remote import ProbedRemote
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock, Ids
from service.usecases.environments.editor import EnvironmentEditor
from service.usecases.notifications.channels import ChannelEditor
from service.usecases.platform.failure_alerts import FailureAlerts
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.authenticate import Authenticator
from service.usecases.rights.authorize import Authorizer
from service.usecases.rights.sign_in import SignIn
from service.usecases.rights.tokens import TokenEditor
from service.usecases.updates.pauses import PauseEditor

__all__ = ["make_application"]

EVERYTHING = frozenset(Surface)
PAGE: Final = PageOptions(public_url="")
NO_PROVIDER: Final = NoIdentityProvider()
FOREVER: Final = RetentionPolicy.forever()
LIMITS: Final = Limits(caps=ConcurrencyLimits.with_fair_share(3), attempts=3)


def make_application(
    *,
    store: Store,
    bus: Bus,
    remote: ProbedRemote,
    anonymous_remote: ProbedRemote,
    sandbox: Sandbox,
    forge_hooks: ForgeHooks,
    builder: BuilderIdentity,
    clock: Clock,
    ids: Ids,
    metrics: Metrics,
    receiver: Receiver,
    bodies: BodyReader,
    public_url: str,
    token: Secret,
    version: str,
    provider: IdentityProvider = NO_PROVIDER,
    notifier: Notifier = NO_NOTIFIER,
    allows_anonymous: bool = False,
    allow_files: bool = True,
    rules: GrantRules = NO_RULES,
    limits: Limits = LIMITS,
    pools: tuple[ResourcePool, ...] = (),
    exchange: str = EXCHANGE,
    page: PageOptions = PAGE,
    retention: RetentionPolicy = FOREVER,
    parts: Iterable[Surface] = EVERYTHING,
) -> web.Application:
    """Make the application that serves some parts of the HTTP side, or all.

    Health and metrics are always served. The server that runs it should have
    `handler_cancellation` off: a caller who goes away does not undo what was begun.

    Args:
        store: Where state is.
        bus: Followed by listeners, and home of dead letters.
        remote: Reads what callers name, with credentials.
        anonymous_remote: As anybody may read; asked for sources without credentials.
        sandbox: Where the definitions that callers name are read.
        forge_hooks: Creates and repairs hooks where a token allows it.
        builder: Names itself to simulations.
        clock: Gives the time.
        ids: Names what is made.
        metrics: Counts.
        receiver: Takes deliveries in.
        bodies: Reads deliveries.
        public_url: Where forges reach the service.
        token: The installation's own, for the REST API.
        version: Of the service.
        provider: Verifies the tokens of users.
        notifier: Sends tests of notification channels.
        allows_anonymous: Whether public projects are shown without a token.
        allow_files: Whether `file://` repositories may be followed.
        rules: Which repositories the settings grant to projects.
        limits: What bounds builds, to explain what they wait for.
        pools: What sessions may take, shown to whoever adds launchers.
        exchange: Where a broker carries the events.
        page: How the installation sets its pages up.
        retention: How long things are kept, to show what would be removed.
        parts: What is served.
    """
    served = {*parts, Surface.ALWAYS}
    app = web.Application(client_max_size=MAX_BODY)
    app[keys.STORE] = store = ReadYourWrites(store, flush=receiver.flush)
    app[keys.BUS], app[keys.CLOCK], app[keys.METRICS] = bus, clock, metrics
    app[keys.RECEIVER], app[keys.BODIES] = receiver, bodies
    app[keys.AUTHENTICATOR] = Authenticator(
        store=store,
        provider=provider,
        clock=clock,
        token=token,
        allows_anonymous=allows_anonymous,
    )
    app[keys.VERSION], app[keys.REPLAYER] = version, receiver.replayer
    app[keys.USAGE] = UsageReader(store=store, clock=clock, policy=retention)
    app[keys.CONTRACT] = LazyJson(partial(asyncapi, exchange=exchange))
    events = EventRecorder(clock=clock, ids=ids, metrics=metrics, builder=builder)
    app[keys.AUTHORIZER] = authorizer = Authorizer(store=store)
    ports = Ports(store=store, builder=builder, clock=clock, ids=ids, events=events)
    reading = RepositoryReading(
        remote=remote,
        anonymous_remote=anonymous_remote,
        sandbox=sandbox,
        allow_files=allow_files,
    )
    app[keys.REPOSITORIES] = make_lookup(ports, authorizer, reading, rules)
    app[keys.PREVIEWER] = make_previewer(ports, authorizer, reading)
    _add_launchers(app, ports, allow_files=allow_files, rules=rules)
    _add_rights(app, ports, rules=rules)
    _add_pages(app, ports, pools)
    app[keys.CHANNELS] = ChannelEditor(
        store=store, notifier=notifier, clock=clock, ids=ids
    )
    _add_descriptions(app, ports, limits=limits)
    _add_hooks(app, ports, forge_hooks=forge_hooks, url=public_url.rstrip("/"))
    app[CLOSING] = asyncio.Event()
    app.on_shutdown.append(_close_streams)
    _add_routes(app, served, version=version)
    if Surface.API in served:
        metrics.expect_updates()
        prober = make_prober(ports, reading)
        for route in add_pages(app, page, prober):
            _add(app, route.method, route.path, route.handler, guard=route.guard)
    _add(app, ANY, "/{path:.*}", unknown, guard=_guard_unknown(served), name=UNKNOWN)
    return app


def _add_routes(
    app: web.Application, served: Collection[Surface], *, version: str
) -> None:
    """Add the routes of the REST API and of the webhooks."""
    routes = [item for item in _routes(served) if item.part in served]
    app[SPEC] = LazyJson(partial(document, routes, version=version))
    for route in routes:
        _add(app, route.method, route.path, api_handler(route), guard=route.guard)


def _routes(served: Collection[Surface]) -> Sequence[Route]:
    if Surface.API not in served:
        return DOOR_ROUTES
    # All handlers and shapes of the REST API, which not every process serves.
    from handlers.routes import ROUTES  # noqa: PLC0415

    return ROUTES


def _guard_unknown(served: Collection[Surface]) -> Guard:
    # Where the API is not served, no token is right: "unauthenticated" would mislead,
    # and whoever asks could have the receiver look tokens up in the database.
    needs = Permission.ANYONE if Surface.API in served else Permission.OPEN
    return Guard(permission=needs)


def _add_launchers(
    app: web.Application, ports: Ports, *, allow_files: bool, rules: GrantRules
) -> None:
    """Make the use cases that change launchers and rebuilds."""
    app[keys.REBUILDS] = RebuildRequester(
        store=ports.store,
        builder=ports.builder,
        clock=ports.clock,
        ids=ports.ids,
        events=ports.events,
    )
    app[keys.ENVIRONMENTS] = EnvironmentEditor(
        store=ports.store, clock=ports.clock, ids=ports.ids
    )
    lookup = app[keys.REPOSITORIES]
    app[keys.LAUNCHERS] = make_launcher_editor(
        ports, app[keys.REBUILDS], lookup, allow_files=allow_files, rules=rules
    )


def _add_pages(
    app: web.Application, ports: Ports, pools: tuple[ResourcePool, ...]
) -> None:
    """Make what pages ask beside launchers, and what people hold back."""
    app[keys.POOLS], app[keys.ALERTS] = pools, FailureAlerts(store=ports.store)
    app[keys.BUILDER] = ports.builder
    app[keys.PINS] = make_pinner(ports, app[keys.REBUILDS])
    app[keys.PAUSES] = PauseEditor(store=ports.store, clock=ports.clock)


def _add_rights(app: web.Application, ports: Ports, *, rules: GrantRules) -> None:
    """Make the use cases that decide about callers, and change projects and tokens."""
    app[keys.TOKENS] = TokenEditor(store=ports.store, clock=ports.clock, ids=ports.ids)
    app[keys.SIGN_IN] = SignIn(store=ports.store, clock=ports.clock, ids=ports.ids)
    app[keys.PROJECTS] = make_project_editor(ports, app[keys.LAUNCHERS], rules=rules)


def _add_descriptions(app: web.Application, ports: Ports, *, limits: Limits) -> None:
    """Make the use cases that describe builds, launchers and what led to them."""
    app[keys.BUILD_DESCRIBER] = describer = BuildDescriber(
        clock=ports.clock, limits=limits, builder=ports.builder
    )
    app[keys.EXPLAINER] = Explainer(
        store=ports.store,
        clock=ports.clock,
        describer=describer,
        authorizer=app[keys.AUTHORIZER],
    )


def _add_hooks(
    app: web.Application, ports: Ports, *, forge_hooks: ForgeHooks, url: str
) -> None:
    """Make the use cases that change, inspect and describe webhooks."""
    app[keys.HOOKS] = make_hook_editor(
        ports, forge_hooks=forge_hooks, public_url=url, revoke=app[keys.RECEIVER].revoke
    )
    app[keys.HOOK_MAINTAINER] = make_hook_maintainer(
        ports, forge_hooks=forge_hooks, public_url=url
    )
    app[keys.HOOK_DESCRIBER] = HookDescriber(forge_hooks=forge_hooks, public_url=url)


def _add(
    app: web.Application,
    method: str,
    path: str,
    handler: Handler,
    *,
    guard: Guard,
    name: str = "",
) -> None:
    # Not of what begins a session: a preview of its link would spend the code.
    has_head = method == "GET" and not path.startswith(SIGN_IN_PATH)
    for each in (method, "HEAD") if has_head else (method,):
        attended = handle_errors(
            handler,
            method=each,
            route=name or path,
            guard=guard,
            metrics=app[keys.METRICS],
        )
        app.router.add_route(each, path, attended, expect_handler=expect)


async def _close_streams(app: web.Application) -> None:
    """Let listeners go, so that the server need not wait for them."""
    app[CLOSING].set()
