"""Kubernetes' own schemas, strict: a field that it does not know is an error.

The schemas are those of kubernetes-validate. Its own `validate` reads two megabytes of
definitions for each object; a chart of thirty objects and fifteen sets of values takes
minutes with it, and a second with one registry that is read once.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import jsonschema
import kubernetes_validate
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.chart.custom import CUSTOM
from tests.chart.rendering import Object

__all__ = ["NEWEST", "expect_valid"]

NEWEST: Final = kubernetes_validate.latest_version()
_FOLDER: Final = f"kubernetes-json-schema/v{NEWEST}-local-strict"


def expect_valid(item: Object) -> None:
    """Check an object.

    Raises:
        jsonschema.ValidationError: A field is unknown, missing or of another kind.
        FileNotFoundError: This Kubernetes has no such kind.
    """
    custom = CUSTOM.get((item["apiVersion"], item["kind"]))
    if custom is not None:
        jsonschema.validate(item["spec"], custom)
        return
    _validator(item["apiVersion"], item["kind"]).validate(item)


@lru_cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    # `rbac.authorization.k8s.io/v1` is `rbac-v1` among the files.
    group, _, version = api_version.rpartition("/")
    suffix = "-".join(part for part in (group.partition(".")[0], version) if part)
    schema = _read(f"{kind.lower()}-{suffix}.json")
    return Draft202012Validator(schema, registry=_definitions())


@lru_cache
def _definitions() -> Registry[Any]:
    name = "_definitions.json"
    registry: Registry[Any] = Registry()
    registry = registry.with_resource(name, Resource.from_contents(_read(name)))
    # Crawled once here, or every validator would do so for itself: a second each.
    return registry.crawl()


def _read(name: str) -> Any:
    path = files("kubernetes_validate").joinpath(f"{_FOLDER}/{name}")
    return json.loads(path.read_text(encoding="utf-8"))
