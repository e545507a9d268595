"""What callers are told, as responses."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from handlers.reading import read_query
from handlers.shapes.service import PageQuery

__all__ = ["nothing", "paged", "tell", "tell_all"]

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


def paged(request: web.Request, models: Sequence[BaseModel]) -> web.Response:
    """Answer with a page of a list, in Renku's house style.

    Without `page` and `per_page` the whole list is the one page.

    Raises:
        InvalidRequestError: The page is no number, or out of bounds.
    """
    query = read_query(request, PageQuery)
    is_whole = query.page is None and query.per_page is None
    size = len(models) if is_whole else query.per_page or DEFAULT_PER_PAGE
    page = query.page or 1
    headers = {
        "page": str(page),
        "per-page": str(size),
        "total": str(len(models)),
        "total-pages": str(-(-len(models) // size) if size else 0),
    }
    return tell_all(models[(page - 1) * size : page * size], headers=headers)
