"""The HTTP side of a role."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from consumers.guard import Loop
from handlers.application import make_application
from handlers.bodies import BodyReader
from handlers.delivery_log import DeliveryLog
from handlers.receiver import Receiver
from handlers.route import Part
from service.app.engines import Engines
from service.app.process import VERSION
from service.domain.hook import Secret
from service.domain.schedule import Caps
from service.domain.waiting import Limits
from service.ports.builder import Named
from service.settings import Settings

__all__ = ["HttpSide", "http_side"]


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
    builder: Named,
    token: Secret,
    parts: Iterable[Part] = tuple(Part),
) -> HttpSide:
    """Put the HTTP side together; health and metrics are a part of every role's."""
    deliveries = DeliveryLog(
        store=engines.store,
        clock=engines.clock,
        metrics=engines.metrics,
        keep=settings.receive.keep_deliveries,
    )
    receiver = Receiver(
        store=engines.store,
        bus=engines.bus,
        clock=engines.clock,
        ids=engines.ids,
        metrics=engines.metrics,
        log=deliveries,
        sandbox=engines.sandbox,
        budget=settings.receive.publish_budget,
        big_at_once=settings.receive.big_bodies,
        is_alone=settings.is_embedded,
    )
    application = make_application(
        store=engines.store,
        bus=engines.bus,
        remote=engines.remote,
        sandbox=engines.sandbox,
        forge_hooks=engines.forge_hooks,
        builder=builder,
        clock=engines.clock,
        ids=engines.ids,
        metrics=engines.metrics,
        receiver=receiver,
        bodies=BodyReader(
            deadline=settings.receive.read_deadline,
            big_at_once=settings.receive.big_bodies,
        ),
        public_url=settings.url,
        token=token,
        version=VERSION,
        allow_files=settings.allow_files,
        limits=Limits(
            caps=Caps(
                in_all=settings.build.at_once, per_project=settings.build.per_project
            ),
            attempts=settings.build.attempts,
        ),
        exchange=settings.amqp.exchange,
        parts=parts,
    )
    return HttpSide(application=application, loops=[deliveries.run, *receiver.loops()])
