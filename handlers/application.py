"""Puts the HTTP side together."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Final

from aiohttp import web

from handlers import keys
from handlers.bodies import BodyReader
from handlers.middleware import ANY, UNKNOWN, attended, expect, unknown
from handlers.openapi import SPEC, document
from handlers.papers import Paper
from handlers.receiver import Receiver
from handlers.route import Handler, Part
from handlers.routes import ROUTES
from handlers.streams import CLOSING
from handlers.webhooks import MAX_BODY
from handlers.written_first import WrittenFirst
from service.contract import EXCHANGE, asyncapi
from service.domain.hook import Secret
from service.domain.schedule import Caps
from service.domain.waiting import Limits
from service.metrics import Metrics
from service.ports.builder import Named
from service.ports.bus import Bus
from service.ports.forge_hooks import ForgeHooks
from service.ports.remote import Remote
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock, Ids

__all__ = ["make_application"]

EVERYTHING = frozenset(Part)
LIMITS: Final = Limits(caps=Caps(in_all=2, per_project=2), attempts=3)


def make_application(
    *,
    store: Store,
    bus: Bus,
    remote: Remote,
    sandbox: Sandbox,
    forge_hooks: ForgeHooks,
    builder: Named,
    clock: Clock,
    ids: Ids,
    metrics: Metrics,
    receiver: Receiver,
    bodies: BodyReader,
    public_url: str,
    token: Secret,
    version: str,
    allow_files: bool = True,
    limits: Limits = LIMITS,
    exchange: str = EXCHANGE,
    parts: Iterable[Part] = EVERYTHING,
) -> web.Application:
    """Make the application that serves some parts of the HTTP side, or all.

    Health and metrics are always served. The server that runs it should have
    `handler_cancellation` off: a caller who goes away does not undo what was begun.

    Args:
        store: Where state is.
        bus: Followed by listeners, and home of dead letters.
        remote: Asked by simulations.
        sandbox: Where simulations read definitions.
        forge_hooks: Makes and mends hooks where a token allows it.
        builder: Names itself to simulations.
        clock: Tells the time.
        ids: Names what is made.
        metrics: Counts.
        receiver: Takes deliveries in.
        bodies: Reads deliveries.
        public_url: Where forges reach the service.
        token: What callers of the REST API show.
        version: Of the service.
        allow_files: Whether `file://` repositories may be followed.
        limits: What bounds builds, to say what they wait for.
        exchange: Where a broker carries the events.
        parts: What is served.
    """
    served = {*parts, Part.ALWAYS}
    app = web.Application(client_max_size=MAX_BODY)
    app[keys.STORE] = WrittenFirst(store, flush=receiver.flush)
    app[keys.BUS] = bus
    app[keys.REMOTE] = remote
    app[keys.SANDBOX] = sandbox
    app[keys.FORGE_HOOKS] = forge_hooks
    app[keys.BUILDER] = builder
    app[keys.CLOCK] = clock
    app[keys.IDS] = ids
    app[keys.METRICS] = metrics
    app[keys.RECEIVER] = receiver
    app[keys.BODIES] = bodies
    app[keys.LIMITS] = limits
    app[keys.PUBLIC_URL] = public_url.rstrip("/")
    app[keys.TOKEN] = token
    app[keys.VERSION] = version
    app[keys.ALLOW_FILES] = allow_files
    app[keys.CONTRACT] = Paper(partial(asyncapi, exchange=exchange))
    app[CLOSING] = asyncio.Event()
    app.on_shutdown.append(_close_streams)
    routes = [it for it in ROUTES if it.part in served]
    app[SPEC] = Paper(partial(document, routes, version=version))
    for route in routes:
        _add(app, route.method, route.path, route.handler)
    _add(app, ANY, "/{path:.*}", unknown, name=UNKNOWN)
    return app


def _add(
    app: web.Application, method: str, path: str, handler: Handler, name: str = ""
) -> None:
    handler = attended(
        handler, method=method, route=name or path, metrics=app[keys.METRICS]
    )
    app.router.add_route(method, path, handler, expect_handler=expect)


async def _close_streams(app: web.Application) -> None:
    """Let listeners go, so that the server need not wait for them."""
    app[CLOSING].set()
