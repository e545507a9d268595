"""Style sheet, scripts and pictures."""

from aiohttp import web

from handlers.page.rendering import RENDERER

__all__ = ["show_asset"]


async def show_asset(request: web.Request) -> web.Response:
    """Show a file that belongs to the pages; its URL changes with its content."""
    asset = request.app[RENDERER].assets.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    is_named = request.query_string == asset.version
    kept = "public, max-age=31536000, immutable" if is_named else "no-cache"
    return web.Response(
        body=asset.content,
        content_type=asset.content_type,
        charset="utf-8",
        headers={"Cache-Control": kept, "X-Content-Type-Options": "nosniff"},
    )
