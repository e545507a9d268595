"""The page that a person finds at the root."""

from html import escape
from typing import Final

from aiohttp import web

from handlers.keys import VERSION

__all__ = ["show_landing"]

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>relaunch</title>
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 3rem auto;
  padding: 0 1rem; color: #222; background: #fff; }}
code {{ background: #eee; padding: 0 .3em; border-radius: .2em; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #ddd; background: #181818; }}
  code {{ background: #333; }}
  a {{ color: #8bf; }}
}}
</style>
</head>
<body>
<h1>relaunch {version}</h1>
<p>A push to a public repository rebuilds the environment that its session launchers
use, when the environment really changed, and moves those launchers to the new image.
Nobody clicks Rebuild.</p>
<ul>
<li><a href="/api/spec.json">REST API</a> (OpenAPI 3.1), below <code>/api/data</code>;
it wants the service's token</li>
<li><a href="/api/events">Events</a> (AsyncAPI 3)</li>
<li><a href="/readyz">Health</a></li>
<li><a href="/metrics">Metrics</a></li>
</ul>
<p>On the command line: <code>relaunch launcher add NAME REPOSITORY</code>,
<code>relaunch hook add REPOSITORY</code>, <code>relaunch explain TEXT</code>.</p>
</body>
</html>
"""


async def show_landing(request: web.Request) -> web.Response:
    """Say what this is and where to go on."""
    return web.Response(
        text=PAGE.format(version=escape(request.app[VERSION])),
        content_type="text/html",
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "X-Content-Type-Options": "nosniff",
        },
    )
