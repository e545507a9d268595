"""Templates are compiled before anybody waits for them."""

import asyncio
from datetime import timedelta
from pathlib import Path

from handlers.page.live import PageUpdates
from handlers.page.rendering import STATIC, Renderer
from service.adapters.clock import SystemClock
from tests.support.api import a_table_bus

TEMPLATES = {path.name for path in (STATIC.parent / "templates").iterdir()}


def compiled(renderer: Renderer) -> set[str]:
    cache = renderer._environment.cache
    assert cache is not None
    return {name for _, name in cache}


async def test_the_first_page_that_is_open_has_the_others_compiled(
    tmp_path: Path,
) -> None:
    renderer = Renderer(version="1.2.3")
    async with a_table_bus(tmp_path) as bus, asyncio.TaskGroup() as group:
        updates = PageUpdates(
            bus=bus, clock=SystemClock(), prepare=renderer.compile_templates
        )
        running = group.create_task(updates.run())
        await asyncio.sleep(0)
        before = compiled(renderer)
        while compiled(renderer) != TEMPLATES:
            await updates.wait(at_most=timedelta(milliseconds=10))
        running.cancel()

    assert before == set()
