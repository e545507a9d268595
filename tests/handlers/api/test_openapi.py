"""The OpenAPI document."""

from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from handlers.api.openapi import document
from handlers.route import MediaType
from handlers.routes import ROUTES
from service.domain.building.build import BuildState
from tests.support.api import TOKEN, Api
from tests.support.repos import Repo

WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def spec() -> Any:
    return document(ROUTES, version="1.2.3")


def test_the_document_is_valid(spec: Any) -> None:
    OpenAPIV31SpecValidator(spec).validate()


def test_a_parameter_refers_to_the_words_that_others_use(spec: Any) -> None:
    parameters = spec["paths"]["/api/relaunch/builds"]["get"]["parameters"]
    (state,) = [item for item in parameters if item["name"] == "state"]

    assert state["schema"]["anyOf"][0] == {"$ref": "#/components/schemas/BuildState"}
    assert spec["components"]["schemas"]["BuildState"]["enum"] == [
        state.value for state in BuildState
    ]


def test_every_route_is_in_the_document_and_the_other_way_round(spec: Any) -> None:
    documented = {
        (method.upper(), path)
        for path, operations in spec["paths"].items()
        for method in operations
    }

    assert documented == {(route.method, route.path) for route in ROUTES}
    assert len(documented) == len(ROUTES)


def test_every_operation_has_a_name_of_its_own_and_a_sentence(spec: Any) -> None:
    operations = [item for path in spec["paths"].values() for item in path.values()]

    names = [item["operationId"] for item in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation["summary"].endswith((".", ".)")), operation
        assert operation["tags"]


def test_every_path_parameter_is_documented(spec: Any) -> None:
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            named = {
                parameter["name"]
                for parameter in operation.get("parameters", ())
                if parameter["in"] == "path"
            }
            assert named == {part[1:-1] for part in path.split("/") if "{" in part}


def test_a_change_has_no_defaults(spec: Any) -> None:
    """What is not sent stays; null resets, and would be sent by who takes defaults."""
    checked = set[str]()
    left = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for operations in spec["paths"].values()
        for method, operation in operations.items()
        if method == "patch"
    ]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left += part
        elif isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in checked:
                checked.add(name)
                shape = spec["components"]["schemas"][name]
                left.append(shape)
                for field, facts in shape.get("properties", {}).items():
                    assert "default" not in facts or "Patch" not in name, (name, field)
            left += part.values()
    assert {"ProjectPatch", "BuildParametersPatch", "LauncherPatch"} <= checked


async def test_the_served_document_is_the_one_of_the_table(api: Api, spec: Any) -> None:
    served = await api.bare("GET", "/api/spec.json")

    assert served.json == spec


async def test_the_router_serves_what_the_table_says(api: Api) -> None:
    for route in ROUTES:
        if route.answer is MediaType.STREAM:
            continue
        path = route.path
        for name in ("launcher_id", "build_id", "environment_id", "project_id"):
            path = path.replace(f"{{{name}}}", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        path = path.replace("{", "").replace("}", "")

        answer = await api.bare(route.method, path, headers=WITH_TOKEN)

        assert answer.status not in {401, 405} or "webhooks" in path, route


async def test_answers_are_as_documented(api: Api, repo: Repo, spec: Any) -> None:
    await api.add_built_launcher(repo.url, update_policy="notify")
    await api.call("POST", "/hooks", {"repository": repo.url, "forge": "github"})
    (source,) = await api.get("/sources")
    (launcher,) = await api.get("/session_launchers")
    (build,) = await api.get("/builds")
    asked = {
        "/api/relaunch/session_launchers": "",
        "/api/relaunch/session_launchers/{launcher_id}": launcher["id"],
        "/api/relaunch/builds": "",
        "/api/relaunch/builds/{build_id}": build["id"],
        "/api/relaunch/hooks": "",
        "/api/relaunch/sources": "",
        "/api/relaunch/sources/{source_id}/evaluations": source["id"],
        "/api/relaunch/explanations": f"?of={build['id']}",
        "/api/data/version": "",
    }
    for path, given in asked.items():
        head, brace, rest = path.partition("{")
        real = head + given + rest.partition("}")[2] if brace else path + given

        told = await api.call("GET", real)

        success = spec["paths"][path]["get"]["responses"]["200"]
        schema = success["content"]["application/json"]["schema"]
        jsonschema.validate(told.json, schema | {"components": spec["components"]})
