"""Counters, for whoever scrapes them."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from handlers.keys import METRICS

__all__ = ["show_metrics"]


async def show_metrics(request: web.Request) -> web.Response:
    """Write every counter in the text format of Prometheus."""
    return web.Response(
        body=generate_latest(request.app[METRICS].registry),
        headers={"Content-Type": CONTENT_TYPE_LATEST},
    )
