"""The HTTP side alone: stateless, any number of processes."""

from collections.abc import Callable

from service.app.builders import builder_name
from service.app.engines import open_engines
from service.app.http import http_side, listening
from service.app.process import Ready, api_token, make_data_folder, until_stopped
from service.app.relaying import relay
from service.app.sharing import expect_shared
from service.settings import Settings

__all__ = ["receive"]


async def receive(settings: Settings, on_ready: Callable[[Ready], None]) -> None:
    """Take deliveries and answer the REST API until asked to stop."""
    expect_shared(settings, role="receive")
    make_data_folder(settings)
    async with open_engines(settings) as engines:
        name = builder_name(settings, engines)
        http = http_side(settings, engines, builder=name, token=api_token(settings))
        async with listening(settings, http.application) as url:
            await until_stopped(
                [*http.loops, relay(engines)],
                clock=engines.clock,
                on_start=lambda: on_ready(Ready(url=url, data=settings.data)),
            )
