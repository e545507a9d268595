"""What runs here."""

from aiohttp import web

from handlers.answering import tell
from handlers.keys import VERSION
from handlers.shapes.service import Version

__all__ = ["show_version"]


async def show_version(request: web.Request) -> web.Response:
    """Show the version of the service."""
    return tell(Version(version=request.app[VERSION]))
