"""The embedded edition: everything in one process."""

from collections.abc import Callable

from handlers.app_keys import SIGN_IN
from service.adapters.address_file import keep_address
from service.app.builders import base_reader, make_builder
from service.app.engines import Engines, open_engines
from service.app.http import http_side
from service.app.listening import Bound, bind, serving
from service.app.loops import BusSide
from service.app.process import api_token, make_data_folder, until_stopped
from service.app.required_settings import expect_settings
from service.app.roles.ready import ReadyRole
from service.app.roles.relaying import relay
from service.app.upstream.renku import check_upstream
from service.domain.rights.caller import OPERATOR
from service.settings import Settings

__all__ = ["dev"]


async def dev(settings: Settings, on_ready: Callable[[ReadyRole], None]) -> None:
    """Run HTTP side, consumers and builder until asked to stop."""
    expect_settings(settings, role="dev")
    make_data_folder(settings)
    async with open_engines(settings) as engines:
        await check_upstream(settings, engines)
        with bind(settings) as bound:
            await _work(bound, engines, on_ready)


async def _work(
    bound: Bound, engines: Engines, on_ready: Callable[[ReadyRole], None]
) -> None:
    settings = bound.settings
    # No leader here: SQLite belongs to this process alone, so there is nobody to
    # compete with, and builds start without waiting for a lease.
    async with make_builder(settings, engines) as builder:
        http = http_side(settings, engines, builder=builder, token=api_token(settings))
        engines.metrics.expect_pushes()
        bus = BusSide(settings, engines, builder=builder)
        code = await http.application[SIGN_IN].issue_code(OPERATOR)
        ready = ReadyRole.at(bound.url, settings, code=code.reveal())
        async with serving(bound, http.application):
            with keep_address(settings.data, bound.url):
                await until_stopped(
                    [
                        *http.loops,
                        relay(engines),
                        *base_reader(engines, builder),
                        *bus.shared(),
                        *bus.leading(),
                    ],
                    clock=engines.clock,
                    on_start=lambda: on_ready(ready),
                )
