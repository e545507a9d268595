"""Answers as the vendors word them: errors, pages, links."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")

GITHUB_DOCS = "https://docs.github.com/rest"


class ApiError(Exception):
    """A refusal; the vendor's middleware words it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.more = more


def github_error(error: ApiError) -> web.Response:
    said = {
        "message": error.message,
        **error.more,
        "documentation_url": GITHUB_DOCS,
        "status": str(error.status),
    }
    return web.json_response(said, status=error.status, headers=error.headers)


def gitlab_error(error: ApiError) -> web.Response:
    said: dict[str, object] = {"message": error.message, **error.more}
    if error.status == 429:
        return web.Response(
            text="Retry later\n", status=error.status, headers=error.headers
        )
    return web.json_response(said, status=error.status, headers=error.headers)


def gitea_error(error: ApiError) -> web.Response:
    said = {"message": error.message, "url": "", **error.more}
    return web.json_response(said, status=error.status, headers=error.headers)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    number: int
    size: int

    @classmethod
    def of(cls, request: web.Request, *, default: int, most: int = 100) -> "Page":
        number = whole(request.query.get("page"), 1)
        size = whole(request.query.get("per_page", request.query.get("limit")), default)
        return cls(max(number, 1), min(max(size, 1), most))

    def cut(self, items: Sequence[T]) -> Sequence[T]:
        start = (self.number - 1) * self.size
        return items[start : start + self.size]

    def last(self, total: int) -> int:
        return max(1, -(-total // self.size))


def whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else default


def is_true(given: object) -> bool:
    """Read a flag in any of the spellings that clients use."""
    return str(given).lower() in {"true", "1", "yes", "on", "t"}


def links(request: web.Request, rels: Mapping[str, Mapping[str, object]]) -> str:
    """Return a `Link` header: relations with the query parameters they change."""
    base = request.url.with_scheme("http")
    return ", ".join(
        f'<{base.update_query({k: str(v) for k, v in query.items()})}>; rel="{rel}"'
        for rel, query in rels.items()
    )


def page_links(request: web.Request, page: Page, total: int) -> dict[str, str]:
    """Return the header of a numbered page, as GitHub and Gitea write it."""
    last = page.last(total)
    rels: dict[str, Mapping[str, object]] = {}
    if page.number > 1:
        rels["prev"] = {"page": page.number - 1}
    if page.number < last:
        rels |= {"next": {"page": page.number + 1}, "last": {"page": last}}
    if page.number > 1:
        rels["first"] = {"page": 1}
    return {"Link": links(request, rels)} if rels else {}


def etag(*parts: bytes) -> str:
    return f'W/"{hashlib.sha256(b"|".join(parts)).hexdigest()}"'


async def json_of(request: web.Request) -> dict[str, Any]:
    """Read a body that must be an object.

    Raises:
        ApiError: It is none.
    """
    raw = await request.read()
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(await request.post())
    try:
        said = json.loads(raw) if raw else {}
    except ValueError as exc:
        raise ApiError(400, "Problems parsing JSON") from exc
    if not isinstance(said, dict):
        raise ApiError(400, "Body should be a JSON object")
    return said


def zulu(at: datetime) -> str:
    """Write a time as GitHub does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(at: datetime) -> str:
    """Write a time as GitLab does."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
