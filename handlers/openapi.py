"""The OpenAPI document, made from the route table and the shapes.

https://spec.openapis.org/oas/v3.1.1.html
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from inspect import getdoc
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from handlers.auth import needs_token
from handlers.papers import Paper
from handlers.route import Answer, Kind, Many, Route
from handlers.shapes.service import ErrorTold

__all__ = ["SPEC", "document", "show_spec"]

SPEC: Final = web.AppKey[Paper]("spec")
"""The document of an application's routes."""

TOKEN: Final = "token"  # noqa: S105 - a name in the document
REF: Final = "#/components/schemas/{model}"
CONTENT_TYPES: Final = {
    Kind.STREAM: "text/event-stream",
    Kind.JSON: "application/json",
    Kind.HTML: "text/html",
    Kind.TEXT: "text/plain",
}

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
            *((it, "validation") for it in _bodies(routes)),
            *((it, "serialization") for it in _answers(routes)),
        ],
        ref_template=REF,
    )
    schemas: Schemas = {(model, mode): it for (model, mode), it in found.items()}
    paths: dict[str, dict[str, Json]] = {}
    for route in routes:
        operation = _operation(route, schemas)
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
            "schemas": definitions["$defs"],
            "securitySchemes": {TOKEN: {"type": "http", "scheme": "bearer"}},
        },
    }


def _bodies(routes: Iterable[Route]) -> list[type[BaseModel]]:
    return list(dict.fromkeys(it.body for it in routes if it.body))


def _answers(routes: Iterable[Route]) -> list[type[BaseModel]]:
    models = (_model(it.answer) for it in routes)
    return list(dict.fromkeys([ErrorTold, *(it for it in models if it)]))


def _model(answer: Answer) -> type[BaseModel] | None:
    if isinstance(answer, Many):
        return answer.of
    return None if isinstance(answer, Kind) else answer


def _operation(route: Route, schemas: Schemas) -> Json:
    summary, _, description = (getdoc(route.handler) or "").partition("\n")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": summary,
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "responses": _responses(route, schemas),
        "security": [{TOKEN: []}] if needs_token(route.path) else [],
    }
    if description.strip():
        operation["description"] = " ".join(description.split())
    if parameters := [*_in_path(route), *_in_query(route)]:
        operation["parameters"] = parameters
    if route.body:
        operation["requestBody"] = {
            "required": True,
            "content": _json(schemas[route.body, "validation"]),
        }
    return operation


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
    schema = route.query.model_json_schema()
    for name, property_ in schema.get("properties", {}).items():
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": property_.pop("description", ""),
            "schema": property_,
        }


def _responses(route: Route, schemas: Schemas) -> Json:
    problem = _json(schemas[ErrorTold, "serialization"])
    failures = [HTTPStatus.UNAUTHORIZED] if needs_token(route.path) else []
    if "{" in route.path:
        failures.append(HTTPStatus.NOT_FOUND)
    if route.body or route.query:
        failures.append(HTTPStatus.UNPROCESSABLE_ENTITY)
    return {
        str(route.status.value): _success(route, schemas),
        **{
            str(it.value): {"description": it.phrase, "content": problem}
            for it in failures
        },
        "default": {"description": "Any other error", "content": problem},
    }


def _success(route: Route, schemas: Schemas) -> Json:
    answer, description = route.answer, route.status.phrase
    if answer is Kind.NOTHING:
        return {"description": description}
    if isinstance(answer, Kind):
        kind = "object" if answer is Kind.JSON else "string"
        content: Json = {CONTENT_TYPES[answer]: {"schema": {"type": kind}}}
        return {"description": description, "content": content}
    if isinstance(answer, Many):
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
