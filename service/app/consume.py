"""The bus side alone: any number of processes, of which one leads."""

from collections.abc import Callable

from consumers.leader import Leader
from service.app.builders import local_builder
from service.app.engines import open_engines
from service.app.loops import BusSide
from service.app.process import Ready, make_data_folder, until_stopped
from service.app.relaying import relay
from service.settings import Settings

__all__ = ["consume"]


async def consume(settings: Settings, on_ready: Callable[[Ready], None]) -> None:
    """Evaluate, build and roll out until asked to stop."""
    make_data_folder(settings)
    async with open_engines(settings) as engines:
        builder = local_builder(settings, engines)
        bus = BusSide(settings, engines, builder=builder)
        leader = Leader(
            store=engines.store,
            clock=engines.clock,
            owner=engines.ids.new(),
            resource=builder,
            loops=bus.leading(),
        )
        await until_stopped(
            [relay(engines), *bus.shared(), leader.run],
            clock=engines.clock,
            on_start=lambda: on_ready(Ready(url="", data=settings.data)),
        )
