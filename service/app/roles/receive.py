"""The HTTP side: all of it, its webhooks alone, or its REST API alone.

Stateless, any number of processes. Where webhooks and API are processes of their own,
no client of the API can take the time or the memory that deliveries need.
"""

import secrets
from collections.abc import Callable, Collection
from contextlib import nullcontext
from typing import Final

from service.adapters.address_file import keep_address
from service.app.builders import base_reader, builder_name
from service.app.engines import Engines, open_engines
from service.app.http import Surface, http_side
from service.app.listening import Bound, bind, serving
from service.app.process import api_token, make_data_folder, until_stopped
from service.app.required_settings import expect_settings
from service.app.roles.ready import ReadyRole
from service.app.roles.relaying import relay
from service.domain.hook import Secret
from service.settings import Settings

__all__ = ["receive", "receive_webhooks", "serve_api"]

Greet = Callable[[ReadyRole], None]

_EVERYTHING: Final = frozenset(Surface)


async def receive(settings: Settings, on_ready: Greet) -> None:
    """Take deliveries and answer the REST API until asked to stop."""
    expect_settings(settings, role="receive")
    await _run(settings, on_ready, _EVERYTHING)


async def receive_webhooks(settings: Settings, on_ready: Greet) -> None:
    """Take deliveries and nothing else until asked to stop; health and metrics stay."""
    expect_settings(settings, role="receive --webhooks-only")
    await _run(settings, on_ready, {Surface.RECEIVE})


async def serve_api(settings: Settings, on_ready: Greet) -> None:
    """Answer the REST API and no forge until asked to stop."""
    expect_settings(settings, role="api")
    await _run(settings, on_ready, {Surface.API})


async def _run(settings: Settings, on_ready: Greet, parts: Collection[Surface]) -> None:
    make_data_folder(settings)
    async with open_engines(settings, migrates=False) as engines:
        with bind(settings) as bound:
            await _work(bound, engines, on_ready, parts)


async def _work(
    bound: Bound, engines: Engines, on_ready: Greet, parts: Collection[Surface]
) -> None:
    settings = bound.settings
    has_api = Surface.API in parts
    name = builder_name(settings)
    # Without the API there is nothing that a token would open.
    token = api_token(settings) if has_api else Secret(secrets.token_urlsafe(32))
    http = http_side(settings, engines, builder=name, token=token, parts=parts)
    # The command line finds a service by the address file: not one without an API.
    address = keep_address(settings.data, bound.url) if has_api else nullcontext()
    async with serving(bound, http.application):
        with address:
            await until_stopped(
                [*http.loops, relay(engines), *base_reader(engines, name)],
                clock=engines.clock,
                on_start=lambda: on_ready(ReadyRole.at(bound.url, settings)),
            )
