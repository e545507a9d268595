"""GitHub's own descriptions of its API and of its deliveries, out of npm packages.

https://github.com/octokit/openapi and https://github.com/octokit/openapi-webhooks; npm
fetches them once, into `.make/npm`.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from openapi_schema_validator import (
    OAS30Validator,
    OAS31Validator,
    oas30_format_checker,
    oas31_format_checker,
)
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.support.npm import npm_packages

API: Final = "@octokit/openapi@23.0.2"
WEBHOOKS: Final = "@octokit/openapi-webhooks@12.1.0"
_MIME: Final = "application/json"


class Description:
    """An OpenAPI document that answers are held against."""

    def __init__(self, document: dict[str, Any], validator: Any, formats: Any) -> None:
        self.document = document
        self._validator = validator
        self._formats = formats
        resource = DRAFT202012.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource("urn:it", resource)

    def schema(self, *path: str) -> dict[str, Any] | None:
        """Return where a schema is, references followed up to it; None without one."""
        found, pointer = self.document, "urn:it#"
        for word in path:
            while "$ref" in found:
                pointer = "urn:it" + found["$ref"]
                found = self._at(found["$ref"])
            if word not in found:
                return None
            found = found[word]
            pointer += "/" + word.replace("~", "~0").replace("/", "~1")
        return {"$ref": pointer}

    def _at(self, reference: str) -> dict[str, Any]:
        found = self.document
        for word in reference.removeprefix("#/").split("/"):
            found = found[word.replace("~1", "/").replace("~0", "~")]
        return found

    def complaints(self, schema: dict[str, Any], value: object) -> list[str]:
        """Say where a value is not as described."""
        judge = self._validator(
            schema, registry=self._registry, format_checker=self._formats
        )
        return [
            f"{error.json_path}: {error.message[:300]}"
            for error in judge.iter_errors(value)
        ]

    def answer(self, method: str, template: str, status: int) -> dict[str, Any] | None:
        """Return the schema of an answer; None where it has no JSON.

        Raises:
            AssertionError: There is no such resource, or no such status of it.
        """
        operations = self.document["paths"].get(template, {})
        assert method.lower() in operations, f"{method} {template} is not described"
        answers = operations[method.lower()]["responses"]
        assert str(status) in answers, f"{method} {template}: no {status}"
        way = ("paths", template, method.lower(), "responses", str(status))
        return self.schema(*way, "content", _MIME, "schema")

    def event(self, name: str) -> tuple[dict[str, Any], frozenset[str]]:
        """Return the schema of a delivery's body, and the headers it must have."""
        described = self.document["webhooks"][name]["post"]
        way = ("webhooks", name, "post", "requestBody", "content", _MIME, "schema")
        schema = self.schema(*way)
        assert schema is not None
        headers = (
            parameter
            for parameter in described["parameters"]
            if parameter["in"] == "header"
        )
        # Required, it says; but without a secret there is no signature.
        return schema, frozenset(
            header["name"].lower() for header in headers if header.get("required")
        ) - {"x-hub-signature-256"}


def _lines(error: Any) -> list[str]:
    """Say what is wrong, and with each of several ways to be right."""
    inner = [line for value in error.context or () for line in _lines(value)]
    return inner or [f"{error.json_path}: {error.message[-200:]}"]


@cache
def github_api() -> Description:
    document = _document(API)
    _mend(document)
    return Description(document, OAS30Validator, oas30_format_checker)


def _mend(schema: object) -> None:
    """Read alternatives as GitHub means them, not by the letter of OpenAPI 3.0.3.

    By the letter, `nullable` has no effect without a `type` beside it.
    """
    if isinstance(schema, dict):
        ways = schema.get("oneOf") or schema.get("anyOf")
        if isinstance(ways, list):
            schema.pop("discriminator", None)  # a list has no property to look at
        if isinstance(ways, list) and schema.get("nullable") is True:
            ways.append({"type": "object", "nullable": True, "enum": [None]})
        schema = list(schema.values())
    if isinstance(schema, list):
        for item in schema:
            _mend(item)


@cache
def github_webhooks() -> Description:
    return Description(_document(WEBHOOKS), OAS31Validator, oas31_format_checker)


def _document(package: str) -> dict[str, Any]:
    folder = npm_packages(package)
    name = package.rpartition("@")[0]
    path = folder / "node_modules" / name / "generated" / "api.github.com.json"
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def delivered_as(event: str, payload: Mapping[str, Any]) -> str:
    """Return the name by which an event is described: with its action, if any."""
    action = payload.get("action")
    return f"{event}-{str(action).replace('_', '-')}" if action else event
