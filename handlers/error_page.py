"""Errors as pages, for people who came with a browser."""

import json
from html import escape
from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.app_keys import ERROR_PAGE

__all__ = ["render_page"]

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{status} {phrase} · relaunch</title>
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 3rem auto;
  padding: 0 1rem; color: #222; background: #fff; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #ddd; background: #181818; }}
  a {{ color: #8bf; }}
}}
</style>
</head>
<body>
<h1>{status} {phrase}</h1>
<p>{message}</p>
<p><a href="/">What this is, and where to go on</a></p>
</body>
</html>
"""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_KEPT: Final = ("Allow", "Retry-After", "WWW-Authenticate")


def render_page(
    request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    """Return an error as a page where a browser asked; else the response as it is.

    Only the content of the JSON is shown, escaped: nothing of the request is repeated.
    """
    is_error = response.status >= HTTPStatus.BAD_REQUEST
    if not is_error or response.prepared or _is_of_api(request):
        return response
    if not isinstance(response, web.Response) or not _is_browser(request):
        return response
    message = _message(response)
    if message is None:
        return response
    page = _render(request, HTTPStatus(response.status), message)
    page.headers.update(
        {name: response.headers[name] for name in _KEPT if name in response.headers}
    )
    return page


def _render(request: web.Request, status: HTTPStatus, message: str) -> web.Response:
    if ERROR_PAGE in request.app:
        return request.app[ERROR_PAGE](
            status=int(status), phrase=status.phrase, message=message
        )
    text = PAGE.format(
        status=int(status), phrase=escape(status.phrase), message=escape(message)
    )
    return web.Response(
        text=text, content_type="text/html", status=status, headers=_HEADERS
    )


def _is_of_api(request: web.Request) -> bool:
    """Return whether a program sent this: a form of a page goes to no API."""
    if request.method in {"GET", "HEAD"}:
        return False
    return request.path.startswith(("/api/", "/webhooks/"))


def _is_browser(request: web.Request) -> bool:
    """Return whether a page is wanted: browsers name it, and programs do not."""
    accepted = ",".join(request.headers.getall("Accept", ())).lower()
    names = [part.partition(";")[0].strip() for part in accepted.split(",")]
    if "text/html" not in names:
        return False
    wants_json = "application/json" in names
    return not wants_json or names.index("text/html") < names.index("application/json")


def _message(response: web.Response) -> str | None:
    """Return code and message of an error in Renku's shape; None for anything else."""
    if response.content_type != "application/json":
        return None
    content = json.loads(response.text or "null")
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return None
    trace = error.get("trace_id")
    return f"{error.get('message', '')}{f' Trace id: {trace}.' if trace else ''}"
