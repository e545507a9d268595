"""What callers are told, as responses."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from handlers.reading import read_query
from handlers.shapes.service import MAX_PER_PAGE, PageQuery
from service.ports.store import MAX_PAGE, PageRequest

__all__ = ["nothing", "page_of", "paged", "tell", "tell_all"]

_MANY = TypeAdapter(list[BaseModel])

DEFAULT_PER_PAGE = 20


def tell(model: BaseModel, *, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Answer with one thing."""
    return web.Response(
        text=model.model_dump_json(exclude_none=True),
        content_type="application/json",
        status=status,
    )


def tell_all(
    models: Sequence[BaseModel], *, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with a list."""
    raw = _MANY.dump_json(list(models), exclude_none=True, serialize_as_any=True)
    return web.Response(body=raw, content_type="application/json", headers=headers)


def nothing() -> web.Response:
    """Answer that it is done."""
    return web.Response(status=HTTPStatus.NO_CONTENT)


def page_of(request: web.Request, query: PageQuery | None = None) -> PageRequest:
    """Return the part of a list that is asked for, in Renku's house style.

    Without `page` and `per_page` that is the whole list, as far as one answer goes.

    Raises:
        InvalidRequestError: The page is no number, or out of bounds.
    """
    query = query or read_query(request, PageQuery)
    is_whole = query.page is None and query.per_page is None
    size = MAX_PAGE if is_whole else query.per_page or DEFAULT_PER_PAGE
    return PageRequest(offset=((query.page or 1) - 1) * size, limit=size)


def paged(
    request: web.Request, wanted: PageRequest, models: Sequence[BaseModel], total: int
) -> web.Response:
    """Answer with a page of a list, in Renku's house style.

    The next page is named by a `Link` too (RFC 8288): nobody takes the first thousand
    for all there is.
    """
    number = wanted.offset // wanted.limit + 1
    headers = {
        "page": str(number),
        "per-page": str(wanted.limit),
        "total": str(total),
        "total-pages": str(-(-total // wanted.limit)),
    }
    if wanted.offset + len(models) < total and models:
        following = {"page": number + 1, "per_page": min(wanted.limit, MAX_PER_PAGE)}
        if wanted.limit > MAX_PER_PAGE:
            # What was answered at once is a whole number of ordinary pages.
            following["page"] = wanted.limit // MAX_PER_PAGE + 1
        url = request.rel_url.update_query(following)
        headers["Link"] = f'<{url}>; rel="next"'
    return tell_all(models, headers=headers)
