"""The HTTP side of a role."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from consumers.loops.supervisor import Loop
from handlers.app import make_application
from handlers.page.keys import PageOptions
from handlers.page.live import UPDATES
from handlers.route import Surface
from handlers.webhooks.body import BodyReader
from handlers.webhooks.delivery_log import DeliveryLog
from handlers.webhooks.ingest import Receiver
from service.app.engines import Engines
from service.app.roles.ready import VERSION
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.building.waiting import Limits
from service.domain.hook import Secret
from service.ports.builder import BuilderIdentity
from service.settings import Settings

__all__ = ["HttpSide", "Surface", "http_side"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSide:
    """The application, and what has to run beside it."""

    application: web.Application
    loops: Sequence[Loop]
    """To be kept running where deliveries are taken in."""


def http_side(
    settings: Settings,
    engines: Engines,
    *,
    builder: BuilderIdentity,
    token: Secret,
    parts: Iterable[Surface] = tuple(Surface),
) -> HttpSide:
    """Put the HTTP side together; health and metrics are a part of every role's."""
    deliveries = DeliveryLog(
        store=engines.store,
        clock=engines.clock,
        metrics=engines.metrics,
        keep=settings.receive.deliveries_per_hook,
    )
    receiver = Receiver(
        store=engines.store,
        bus=engines.bus,
        clock=engines.clock,
        ids=engines.ids,
        metrics=engines.metrics,
        log=deliveries,
        sandbox=engines.sandbox,
        budget=settings.receive.publish_deadline,
        big_at_once=settings.receive.max_large_bodies,
        is_alone=settings.is_embedded,
    )
    application = make_application(
        store=engines.store,
        bus=engines.bus,
        remote=engines.remote,
        anonymous_remote=engines.anonymous_remote,
        sandbox=engines.sandbox,
        forge_hooks=engines.forge_hooks,
        builder=builder,
        clock=engines.clock,
        ids=engines.ids,
        metrics=engines.metrics,
        receiver=receiver,
        bodies=BodyReader(
            deadline=settings.receive.read_deadline,
            big_at_once=settings.receive.max_large_bodies,
        ),
        public_url=settings.url,
        token=token,
        version=VERSION,
        provider=engines.identities.tokens,
        notifier=engines.notifier,
        allows_anonymous=settings.auth.allows_anonymous,
        allow_files=settings.allow_files,
        rules=settings.auth.rules,
        limits=Limits(
            caps=ConcurrencyLimits.with_fair_share(
                settings.build.max_concurrent,
                per_project=settings.build.max_per_project,
            ),
            attempts=settings.build.attempts,
        ),
        pools=tuple(pool.to_pool() for pool in settings.resource_pools),
        exchange=settings.amqp.exchange,
        page=PageOptions(
            public_url=settings.url,
            hosts=frozenset(settings.page.hosts),
            launch_url=settings.page.launch_url,
            sign_in=engines.identities.sign_in,
        ),
        retention=settings.retention.to_policy(),
        parts=parts,
    )
    pages = [application[UPDATES].run] if UPDATES in application else []
    return HttpSide(
        application=application, loops=[deliveries.run, *receiver.loops(), *pages]
    )
