"""The bus side alone: any number of processes, of which one leads."""

import secrets
from collections.abc import Callable

from consumers.leader import Leader
from service.app.builders import base_reader, make_builder
from service.app.engines import open_engines
from service.app.http import http_side
from service.app.listening import CONSUMERS_ADDRESS, bind, serving
from service.app.loops import BusSide
from service.app.needed import expect_settings
from service.app.process import Ready, make_data_folder, until_stopped
from service.app.relaying import relay
from service.domain.hook import Secret
from service.settings import Settings

__all__ = ["consume"]


async def consume(settings: Settings, on_ready: Callable[[Ready], None]) -> None:
    """Evaluate, build and roll out until asked to stop."""
    expect_settings(settings, role="consume")
    make_data_folder(settings)
    async with open_engines(settings) as engines:
        builder = make_builder(settings, engines)
        bus = BusSide(settings, engines, builder=builder)
        leader = Leader(
            store=engines.store,
            clock=engines.clock,
            owner=engines.ids.new(),
            resource=builder,
            loops=bus.leading(),
        )
        # Health and metrics only: nothing that a token would open.
        nobodys = Secret(secrets.token_urlsafe(32))
        http = http_side(settings, engines, builder=builder, token=nobodys, parts=())
        with bind(settings, address=_health(settings)) as bound:
            async with serving(bound, http.application):
                await until_stopped(
                    [
                        relay(engines),
                        *base_reader(engines, builder),
                        *bus.shared(),
                        leader.run,
                    ],
                    clock=engines.clock,
                    on_start=lambda: on_ready(Ready.at(bound.url, settings)),
                )


def _health(settings: Settings) -> str:
    """Say where health and metrics are to be."""
    is_given = "listen" in settings.model_fields_set
    return settings.listen if is_given else CONSUMERS_ADDRESS
