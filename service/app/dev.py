"""The embedded edition: everything in one process."""

from collections.abc import Callable

from service.app.builders import make_builder
from service.app.engines import open_engines
from service.app.http import http_side, listening
from service.app.loops import BusSide
from service.app.process import Ready, api_token, make_data_folder, until_stopped
from service.app.relaying import relay
from service.settings import Settings

__all__ = ["dev"]


async def dev(settings: Settings, on_ready: Callable[[Ready], None]) -> None:
    """Run HTTP side, consumers and builder until asked to stop."""
    make_data_folder(settings)
    async with (
        open_engines(settings) as engines,
        make_builder(settings, engines) as builder,
    ):
        http = http_side(settings, engines, builder=builder, token=api_token(settings))
        bus = BusSide(settings, engines, builder=builder)
        async with listening(settings, http.application) as url:
            await until_stopped(
                [*http.loops, relay(engines), *bus.shared(), *bus.leading()],
                clock=engines.clock,
                on_start=lambda: on_ready(Ready(url=url, data=settings.data)),
            )
