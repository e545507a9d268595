"""The HTTP side alone: stateless, any number of processes."""

from collections.abc import Callable

from service.adapters.address_file import keep_address
from service.app.builders import base_reader, builder_name
from service.app.engines import Engines, open_engines
from service.app.http import http_side
from service.app.listening import Bound, bind, serving
from service.app.needed import expect_settings
from service.app.process import Ready, api_token, make_data_folder, until_stopped
from service.app.relaying import relay
from service.settings import Settings

__all__ = ["receive"]


async def receive(settings: Settings, on_ready: Callable[[Ready], None]) -> None:
    """Take deliveries and answer the REST API until asked to stop."""
    expect_settings(settings, role="receive")
    make_data_folder(settings)
    async with open_engines(settings) as engines:
        with bind(settings) as bound:
            await _work(bound, engines, on_ready)


async def _work(
    bound: Bound, engines: Engines, on_ready: Callable[[Ready], None]
) -> None:
    settings = bound.settings
    name = builder_name(settings, engines)
    http = http_side(settings, engines, builder=name, token=api_token(settings))
    async with serving(bound, http.application):
        with keep_address(settings.data, bound.url):
            await until_stopped(
                [*http.loops, relay(engines), *base_reader(engines, name)],
                clock=engines.clock,
                on_start=lambda: on_ready(Ready.at(bound.url, settings)),
            )
