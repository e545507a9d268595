"""Build the responses of the REST API."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.requests import read_query
from handlers.api.schemas.service import MAX_PER_PAGE, CursorQuery, PageQuery
from service.ports.store import MAX_PAGE, Cursor, PageRequest

__all__ = [
    "json_history",
    "json_list",
    "json_response",
    "no_content",
    "page_of",
    "paginated",
]

_MANY = TypeAdapter(list[BaseModel])

DEFAULT_PER_PAGE = 20


def json_response(
    model: BaseModel, *, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    """Answer with one thing."""
    return web.Response(
        text=model.model_dump_json(exclude_none=True),
        content_type="application/json",
        status=status,
    )


def json_list(
    models: Sequence[BaseModel], *, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with a list."""
    raw = _MANY.dump_json(list(models), exclude_none=True, serialize_as_any=True)
    return web.Response(body=raw, content_type="application/json", headers=headers)


def no_content() -> web.Response:
    """Answer that it is done."""
    return web.Response(status=HTTPStatus.NO_CONTENT)


def page_of(request: web.Request, query: PageQuery | None = None) -> PageRequest:
    """Return the part of a list that is asked for, in Renku's house style.

    Without `page` and `per_page` that is the whole list, as far as one answer goes.

    Raises:
        InvalidRequestError: The page is no number or out of bounds, or the cursor is
            none of this list.
    """
    query = query or read_query(request, PageQuery)
    after = query.after if isinstance(query, CursorQuery) else None
    is_whole = query.page is None and query.per_page is None
    size = MAX_PAGE if is_whole else query.per_page or DEFAULT_PER_PAGE
    return PageRequest(
        offset=((query.page or 1) - 1) * size,
        after=read_cursor(request, after),
        limit=size,
    )


def paginated(
    request: web.Request,
    wanted: PageRequest,
    models: Sequence[BaseModel],
    total: int,
    *,
    last: Cursor | None = None,
) -> web.Response:
    """Answer with a page of a list, in Renku's house style.

    The next page is named by a `Link` too (RFC 8288): nobody takes the first thousand
    for all there is.

    Args:
        request: The request.
        wanted: The part that was asked for.
        models: That part.
        total: How long the whole list is.
        last: The position of the last item, where the next page can begin behind it.
    """
    number = wanted.offset // wanted.limit + 1
    headers = {
        "page": str(number),
        "per-page": str(wanted.limit),
        "total": str(total),
        "total-pages": str(-(-total // wanted.limit)),
    }
    is_full = len(models) == wanted.limit
    is_followed = is_full if wanted.after else wanted.offset + len(models) < total
    if is_followed and models:
        following = {"page": number + 1, "per_page": min(wanted.limit, MAX_PER_PAGE)}
        if wanted.limit > MAX_PER_PAGE:
            # What was answered at once is a whole number of ordinary pages.
            following["page"] = wanted.limit // MAX_PER_PAGE + 1
        headers |= _next(request, following, last)
    return json_list(models, headers=headers)


def json_history(
    request: web.Request,
    models: Sequence[BaseModel],
    *,
    limit: int,
    last: Cursor | None,
) -> web.Response:
    """Answer with the newest items of a history that nobody counts.

    Args:
        request: The request.
        models: The items.
        limit: How many were asked for; as many mean that more may follow.
        last: The position of the last item.
    """
    is_full = len(models) == limit
    return json_list(models, headers=_next(request, {}, last) if is_full else None)


def _next(
    request: web.Request, following: Mapping[str, int], last: Cursor | None
) -> Mapping[str, str]:
    """Name the page that follows: by its cursor, which costs the same everywhere."""
    cursor = {"after": write_cursor(request, last)} if last else {}
    url = request.rel_url.update_query({**following, **cursor})
    named = {"next-cursor": cursor["after"]} if cursor else {}
    return {"Link": f'<{url}>; rel="next"', **named}
