"""Pages of lists, as GitLab's headers tell of them.

https://docs.gitlab.com/api/rest/#pagination
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import web

from tests.support.forge.answers import Page, links

T = TypeVar("T")


def numbered(
    request: web.Request, items: Sequence[T], shape: Callable[[T], object]
) -> web.Response:
    """Answer with one page of a list."""
    page = Page.of(request, default=20)
    total, last = len(items), page.last(len(items))
    rels: dict[str, Mapping[str, object]] = {}
    size = {"per_page": page.size}
    if page.number > 1:
        rels["prev"] = {"page": page.number - 1, **size}
    if page.number < last:
        rels["next"] = {"page": page.number + 1, **size}
    rels |= {"first": {"page": 1, **size}, "last": {"page": last, **size}}
    headers = {
        "Link": links(request, rels),
        "X-Next-Page": str(page.number + 1) if page.number < last else "",
        "X-Page": str(page.number),
        "X-Per-Page": str(page.size),
        "X-Prev-Page": str(page.number - 1) if page.number > 1 else "",
        "X-Total": str(total),
        "X-Total-Pages": str(last),
    }
    said = [shape(item) for item in page.cut(items)]
    return web.json_response(said, headers=headers)


def keyset(request: web.Request, items: Sequence[dict[str, Any]]) -> web.Response:
    """Answer with what follows a record; only `Link` tells of the next page."""
    size = Page.of(request, default=20).size
    token, start = request.query.get("page_token"), 0
    if token:
        ids = [entry["id"] for entry in items]
        start = ids.index(token) + 1 if token in ids else len(items)
    part = items[start : start + size]
    headers = {}
    if start + size < len(items):
        rels = {"next": {"page_token": part[-1]["id"], "per_page": size}}
        headers["Link"] = links(request, rels)
    return web.json_response(part, headers=headers)
