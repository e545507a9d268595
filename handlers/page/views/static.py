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
    headers = {
        "Cache-Control": kept,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    # Only what is the same for everybody: in pages, what a stranger wrote stands beside
    # secrets, whose letters the size would give away (BREACH).
    is_compressed = "gzip" in request.headers.get("Accept-Encoding", "")
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    return web.Response(
        body=asset.compressed if is_compressed else asset.content,
        content_type=asset.content_type,
        charset="utf-8",
        headers=headers,
    )
