"""Is the process alive, and can it do its work?"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.keys import BUS, STORE
from service.errors import TransientError

__all__ = ["is_alive", "is_ready"]

_BUDGET: Final = timedelta(seconds=2)
"""For each part; orchestrators usually give a probe a little more."""
_OK: Final = "ok"


async def is_alive(request: web.Request) -> web.Response:
    """Answer as long as the loop turns; nothing else is asked."""
    del request
    return web.json_response({"status": _OK})


async def is_ready(request: web.Request) -> web.Response:
    """Ask every part that work needs, and name what does not answer."""
    app = request.app
    parts = {"bus": app[BUS].ping, "store": app[STORE].ping}
    async with asyncio.TaskGroup() as group:
        asked = {it: group.create_task(_ask(ping)) for it, ping in parts.items()}
    seen = {name: task.result() for name, task in asked.items()}
    is_fine = all(it == _OK for it in seen.values())
    return web.json_response(
        {"status": _OK if is_fine else "unavailable", "parts": seen},
        status=HTTPStatus.OK if is_fine else HTTPStatus.SERVICE_UNAVAILABLE,
    )


async def _ask(ping: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(_BUDGET.total_seconds()):
            await ping()
    except TimeoutError:
        return f"no answer in {_BUDGET.total_seconds():g} s"
    except TransientError:
        # The reason may name hosts and files; probes are open to everybody.
        return "unavailable"
    return _OK
