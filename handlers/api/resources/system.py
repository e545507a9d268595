"""The process itself: health, metrics and version."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from handlers.api.document.reference_page import render_reference
from handlers.api.openapi import SPEC
from handlers.api.responses import json_response
from handlers.api.schemas.service import Version
from handlers.app_keys import BUS, METRICS, STORE, VERSION
from service.errors import TransientError

__all__ = [
    "is_alive",
    "is_ready",
    "show_metrics",
    "show_reference",
    "show_version",
]

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
        asked = {text: group.create_task(_ask(ping)) for text, ping in parts.items()}
    seen = {name: task.result() for name, task in asked.items()}
    is_fine = all(text == _OK for text in seen.values())
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


async def show_metrics(request: web.Request) -> web.Response:
    """Write every counter in the text format of Prometheus."""
    return web.Response(
        body=generate_latest(request.app[METRICS].registry),
        headers={"Content-Type": CONTENT_TYPE_LATEST},
    )


async def show_version(request: web.Request) -> web.Response:
    """Show the version of the service."""
    return json_response(Version(version=request.app[VERSION]))


async def show_reference(request: web.Request) -> web.Response:
    """Show the REST API as a page to browse."""
    return web.Response(
        text=render_reference(json.loads(request.app[SPEC].text)),
        content_type="text/html",
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "X-Content-Type-Options": "nosniff",
        },
    )
