"""The OpenAPI document, made from the route table and the shapes.

https://spec.openapis.org/oas/v3.1.1.html
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from inspect import getdoc
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from handlers.api.document.headers import (
    HEADERS,
    answers_not_modified,
    needs_version,
    request_headers,
    response_headers,
    versioned_paths,
)
from handlers.api.lazy_json import LazyJson
from handlers.api.schemas.service import ErrorResponse
from handlers.route import Answer, ListOf, MediaType, Route
from service.domain.rights.decision import Permission

__all__ = ["SPEC", "document", "show_spec"]

SPEC: Final = web.AppKey[LazyJson]("spec")
"""The document of an application's routes."""

TOKEN: Final = "token"  # noqa: S105 - a name in the document
REF: Final = "#/components/schemas/{model}"
CONTENT_TYPES: Final = {
    MediaType.STREAM: "text/event-stream",
    MediaType.JSON: "application/json",
    MediaType.HTML: "text/html",
    MediaType.TEXT: "text/plain",
}
_OF_DELIVERIES: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Whatever is wrong with a hook's id is answered as a wrong proof."""

Json = Mapping[str, Any]
Schemas = Mapping[tuple[object, Literal["validation", "serialization"]], Json]


async def show_spec(request: web.Request) -> web.Response:
    """Show this document."""
    spec = request.app[SPEC].text
    return web.Response(text=spec, content_type="application/json")


def document(routes: Sequence[Route], *, version: str) -> Json:
    """Describe routes."""
    found, definitions = models_json_schema(
        [
            *((body, "validation") for body in _bodies(routes)),
            *((answer, "serialization") for answer in _answers(routes)),
        ],
        ref_template=REF,
    )
    schemas: Schemas = {(model, mode): entry for (model, mode), entry in found.items()}
    paths: dict[str, dict[str, Json]] = {}
    versioned = versioned_paths(routes)
    for route in routes:
        operation = _operation(route, schemas, versioned)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "relaunch",
            "version": version,
            "description": "Rebuilds the environments of session launchers after "
            "pushes. Launchers, environments and builds have Renku's shapes.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "headers": HEADERS,
            "schemas": {**_in_queries(routes), **definitions["$defs"]},
            "securitySchemes": {TOKEN: {"type": "http", "scheme": "bearer"}},
        },
    }


def _bodies(routes: Iterable[Route]) -> list[type[BaseModel]]:
    return list(dict.fromkeys(route.body for route in routes if route.body))


def _answers(routes: Iterable[Route]) -> list[type[BaseModel]]:
    models = (_model(route.answer) for route in routes)
    return list(dict.fromkeys([ErrorResponse, *(model for model in models if model)]))


def _in_queries(routes: Iterable[Route]) -> Json:
    """Return the shapes that parameters refer to."""
    found: dict[str, Json] = {}
    for route in routes:
        if route.query:
            found |= _parameters(route.query).get("$defs", {})
    return found


def _parameters(query: type[BaseModel]) -> Json:
    return query.model_json_schema(ref_template=REF)


def _model(answer: Answer) -> type[BaseModel] | None:
    if isinstance(answer, ListOf):
        return answer.of
    return None if isinstance(answer, MediaType) else answer


def _operation(route: Route, schemas: Schemas, versioned: Collection[str]) -> Json:
    summary, _, description = (getdoc(route.handler) or "").partition("\n")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": summary,
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "responses": _responses(route, schemas),
        "security": _security(route),
    }
    if description.strip():
        operation["description"] = " ".join(description.split())
    headers = request_headers(route, versioned)
    if parameters := [*_in_path(route), *_in_query(route), *headers]:
        operation["parameters"] = parameters
    if content := _body(route, schemas):
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _body(route: Route, schemas: Schemas) -> Json:
    """Return what is sent, by content type; a forge describes its deliveries itself."""
    if route.body:
        return _json(schemas[route.body, "validation"])
    return {kind: {"schema": {"type": "object"}} for kind in route.content_types}


def _security(route: Route) -> Sequence[Json]:
    """Return the ways to show a credential; `{}` where none is needed.

    https://spec.openapis.org/oas/v3.1.1.html#security-requirement-object
    """
    if not route.needs.reads_credentials:
        return []
    return [{TOKEN: []}] if route.needs.needs_credential else [{}, {TOKEN: []}]


def _in_path(route: Route) -> Iterable[Json]:
    for name in re.findall(r"{(\w+)}", route.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
        }


def _in_query(route: Route) -> Iterable[Json]:
    if route.query is None:
        return
    schema = _parameters(route.query)
    for name, property_ in schema.get("properties", {}).items():
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": property_.pop("description", ""),
            "schema": property_,
        }


def _responses(route: Route, schemas: Schemas) -> Json:
    problem = _json(schemas[ErrorResponse, "serialization"])
    unchanged = [HTTPStatus.NOT_MODIFIED] if answers_not_modified(route) else []
    headers = response_headers(route)
    return {
        str(route.status.value): {
            **_success(route, schemas),
            **({"headers": headers} if headers else {}),
        },
        **{
            str(each.value): {
                "description": each.phrase,
                "headers": {"ETag": headers["ETag"]},
            }
            for each in unchanged
        },
        **{
            str(failure.value): {"description": failure.phrase, "content": problem}
            for failure in _failures(route)
        },
        "default": {"description": "Any other error", "content": problem},
    }


def _failures(route: Route) -> Iterable[HTTPStatus]:
    """Return the refusals that a route is known to give; a test sends for others."""
    if route.needs is Permission.SIGNATURE:
        yield from _OF_DELIVERIES
        return
    if route.needs.reads_credentials:
        yield HTTPStatus.UNAUTHORIZED
        # A parameter that nothing knows is refused everywhere.
        yield HTTPStatus.UNPROCESSABLE_ENTITY
    if route.needs.needs_credential:
        yield HTTPStatus.FORBIDDEN
    if "{" in route.path or route.body or route.query:
        yield HTTPStatus.NOT_FOUND
    if route.method != "GET":
        yield HTTPStatus.CONFLICT
    if route.body:
        yield HTTPStatus.BAD_REQUEST
        yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if needs_version(route):
        yield HTTPStatus.PRECONDITION_REQUIRED


def _success(route: Route, schemas: Schemas) -> Json:
    answer, description = route.answer, route.status.phrase
    if answer is MediaType.NOTHING:
        return {"description": description}
    if isinstance(answer, MediaType):
        kind = "object" if answer is MediaType.JSON else "string"
        content: Json = {CONTENT_TYPES[answer]: {"schema": {"type": kind}}}
        return {"description": description, "content": content}
    if isinstance(answer, ListOf):
        items = schemas[answer.of, "serialization"]
        return {
            "description": description,
            "content": _json({"type": "array", "items": items}),
        }
    return {
        "description": description,
        "content": _json(schemas[answer, "serialization"]),
    }


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
