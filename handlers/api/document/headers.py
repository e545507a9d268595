"""Headers of the OpenAPI document: what a route reads and sends beside its body.

They follow from what a route takes and answers, as the headers of handlers do: a page
of a list is counted, a thing with versions has an entity tag, a request is done once
for a key. A test compares them with what an application answers.
https://spec.openapis.org/oas/v3.1.1.html#header-object
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from handlers.api.schemas.service import (
    MAX_PER_PAGE,
    CursorQuery,
    LimitQuery,
    PageQuery,
)
from handlers.route import API, ListOf, MediaType, Route, Surface
from service.ports.store import MAX_PAGE

__all__ = [
    "HEADERS",
    "answers_not_modified",
    "needs_version",
    "request_headers",
    "response_headers",
    "versioned_paths",
]

Json = Mapping[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_ETAG: Final = "ETag"
_PAGE: Final = ("page", "per-page", "total", "total-pages")
_REPLAYED: Final = "Idempotency-Replayed"


def _number(description: str, **limits: int) -> Json:
    schema = {"type": "integer", **limits}
    return {"description": description, "required": True, "schema": schema}


HEADERS: Final[Mapping[str, Json]] = {
    _ETAG: {
        "description": "The version that was answered.",
        "required": True,
        "schema": _TEXT,
    },
    "page": _number("The number of this page.", minimum=1),
    "per-page": _number(
        f"The length of a page: at most {MAX_PER_PAGE} where a page is asked for, and "
        f"{MAX_PAGE} where the list is asked for as a whole.",
        minimum=1,
        maximum=MAX_PAGE,
    ),
    "total": _number("The length of the whole list.", minimum=0),
    "total-pages": _number("How many pages the whole list has.", minimum=0),
    "Link": {
        "description": 'Where more follow: the address of the next page, `rel="next"`.',
        "schema": _TEXT,
    },
    "next-cursor": {
        "description": "Where more follow: the `after` of the next page.",
        "schema": _TEXT,
    },
    _REPLAYED: {
        "description": "Whether this is the answer that the first request got.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
"""All that answers carry; the document's components."""


def versioned_paths(routes: Iterable[Route]) -> Collection[str]:
    """Return the addresses of what has versions: where it is read."""
    return {route.path for route in routes if route.method == "GET" and _tags(route)}


def needs_version(route: Route) -> bool:
    """Return whether a change has to name the version that it is meant for."""
    return (route.method, route.path) == ("PATCH", f"{API}/projects/{{project_id}}")


def answers_not_modified(route: Route) -> bool:
    """Return whether who has the answer already is answered 304."""
    is_of_all = bool(getattr(route.answer, "is_etag_of_all", False))
    return route.method == "GET" and _tags(route) and is_of_all


def request_headers(route: Route, versioned: Collection[str]) -> Iterable[Json]:
    """Return the parameters in the header that a route reads."""
    if route.method in {"PATCH", "DELETE"} and route.path in versioned:
        yield _parameter(
            "If-Match",
            "The entity tag that was read: 409 where another version is there now.",
            is_required=needs_version(route),
        )
    if answers_not_modified(route):
        yield _parameter(
            "If-None-Match", "Entity tags: 304 where one is the version's."
        )
    if _is_done_once(route):
        yield _parameter(
            "Idempotency-Key",
            "A text of the caller's own: sent again with the same request, that is not "
            "done again, and gets the same answer.",
            schema={"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
        )
    if route.answer is MediaType.STREAM:
        yield _parameter(
            "Last-Event-ID",
            "The id of the last event that was received: the stream goes on behind it.",
        )


def response_headers(route: Route) -> Json:
    """Return the headers that a route's success carries."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _sent(route)}


def _sent(route: Route) -> Sequence[str]:
    query = route.query if route.query and isinstance(route.answer, ListOf) else None
    is_paged = query is not None and issubclass(query, PageQuery)
    has_cursor = query is not None and issubclass(query, (CursorQuery, LimitQuery))
    return (
        *((_ETAG,) if _tags(route) else ()),
        *(_PAGE if is_paged else ()),
        *(("Link",) if is_paged or has_cursor else ()),
        *(("next-cursor",) if has_cursor else ()),
        *((_REPLAYED,) if _is_done_once(route) else ()),
    )


def _tags(route: Route) -> bool:
    return bool(getattr(route.answer, "has_etag", False))


def _is_done_once(route: Route) -> bool:
    is_guarded = route.part is Surface.API and route.needs.reads_credentials
    return route.method == "POST" and is_guarded and not route.shows_secret


def _parameter(
    name: str, description: str, *, schema: Json = _TEXT, is_required: bool = False
) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": is_required,
        "description": description,
        "schema": schema,
    }
