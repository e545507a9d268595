"""What holds storage."""

from aiohttp import web

from handlers.api.responses import json_response
from handlers.api.schemas.usage import UsageResponse
from handlers.app_keys import USAGE

__all__ = ["show_usage"]


async def show_usage(request: web.Request) -> web.Response:
    """Show what is stored, for whom, and what retention would remove."""
    return json_response(UsageResponse.of(await request.app[USAGE].read()))
