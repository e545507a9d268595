"""Values, schema and page say the same, and say everything."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from scripts.chart.secrets import OWNED, fields, from_files, is_owned
from scripts.docs import ROOT
from tests.chart.matrix import MATRIX
from tests.chart.rendering import CHART, MINIMAL, merged, read_yaml

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = read_yaml(CHART / "values.yaml")
FREE = {"type": "object", "additionalProperties": True}


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference; what stands beside it wins."""
    for part in [node, *node.get("allOf", [])]:
        if reference := part.get("$ref"):
            found = SCHEMA["definitions"][reference.rpartition("/")[2]]
            return {
                **found,
                **{key: item for key, item in node.items() if key != "$ref"},
            }
    return node


def properties(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, part in node.get("properties", {}).items():
        yield f"{path}{name}", resolved(part)
        yield from properties(resolved(part), f"{path}{name}.")


def leaves(values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, part in values.items():
        yield f"{path}{name}"
        if isinstance(part, Mapping):
            yield from leaves(part, f"{path}{name}.")


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_every_set_of_values_of_the_matrix_fits(values: Mapping[str, Any]) -> None:
    jsonschema.validate(merged(VALUES, MINIMAL, values), SCHEMA)


def test_every_setting_can_be_given() -> None:
    """As a value of `settings`, as a file of a Secret, or by what the page names."""
    given = {path for path, _ in properties(SCHEMA["properties"]["settings"])}
    files = set(from_files())

    every = {path for path, _ in fields()}
    assert {path for path in every if not is_owned(path)} - files <= given
    assert {path for path in OWNED if path not in every} == {"local"}
    assert not files & given


def test_every_value_says_what_it_is_for() -> None:
    # What is inside a platform is described at `settings.kubernetes.platforms`.
    silent = [
        path
        for path, part in properties(SCHEMA)
        if not part.get("description") and ".platforms." not in path
    ]

    assert silent == []


def test_every_default_is_in_the_schema_and_every_value_has_a_default() -> None:
    known = {path for path, _ in properties(SCHEMA)} - {"global"}
    own = {path for path in known if not path.startswith("settings.")}

    assert own == {path for path in leaves(VALUES) if path in own}


def test_no_value_of_a_wrong_name_is_taken() -> None:
    for path, part in [("", SCHEMA), *properties(SCHEMA)]:
        if part.get("properties"):
            assert part["additionalProperties"] is False, path


def test_the_page_has_a_row_for_every_value() -> None:
    page = (ROOT / "docs" / "chart.md").read_text()
    documented = {path for path, part in properties(SCHEMA) if "properties" not in part}

    missing = [
        path
        for path in documented
        if not path.startswith("settings.")
        and path != "global"
        and f"| `{path}` |" not in page
    ]
    assert missing == []
