"""The bus side alone: any number of processes, of which one leads."""

import secrets
from collections.abc import Callable

from consumers.loops.leader import Leader
from service.app.builders import base_reader, make_builder
from service.app.engines import open_engines
from service.app.http import http_side
from service.app.listening import CONSUMERS_ADDRESSES, bind, serving
from service.app.loops import BusSide
from service.app.process import make_data_folder, until_stopped
from service.app.required_settings import expect_settings
from service.app.roles.ready import ReadyRole
from service.app.roles.relaying import relay
from service.app.upstream.renku import check_upstream
from service.domain.hook import Secret
from service.settings import Settings

__all__ = ["consume"]


async def consume(settings: Settings, on_ready: Callable[[ReadyRole], None]) -> None:
    """Evaluate, build and roll out until asked to stop."""
    expect_settings(settings, role="consume")
    make_data_folder(settings)
    async with open_engines(settings, migrates=False) as engines:
        await check_upstream(settings, engines)
        builder = make_builder(settings, engines)
        engines.metrics.expect_pushes()
        bus = BusSide(settings, engines, builder=builder)
        # The builder is the leader's resource and is not entered here: a process that
        # does not lead must not watch or clean the cluster.
        leader = Leader(
            store=engines.store,
            clock=engines.clock,
            owner=engines.ids.new(),
            resource=builder,
            loops=bus.leading(),
        )
        # Health and metrics only: nothing that a token would open.
        # The application always demands a token. One that nobody has is safer than a
        # switch that turns authentication off.
        nobodys = Secret(secrets.token_urlsafe(32))
        http = http_side(settings, engines, builder=builder, token=nobodys, parts=())
        is_given = "listen" in settings.model_fields_set
        # Health and metrics only, so that any port does where nobody asked for one.
        addresses = [settings.listen] if is_given else CONSUMERS_ADDRESSES
        with bind(settings, addresses=addresses) as bound:
            async with serving(bound, http.application):
                await until_stopped(
                    [
                        relay(engines),
                        *base_reader(engines, builder),
                        *bus.shared(),
                        leader.run,
                    ],
                    clock=engines.clock,
                    on_start=lambda: on_ready(ReadyRole.at(bound.url, settings)),
                )
