"""What is promised to subscribers is written down, true and current."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from service.events.asyncapi import asyncapi, schema, write
from service.events.models import EVENTS, Data

COMMITTED = Path(__file__).parents[2] / "docs" / "events"


def test_the_committed_contract_is_the_one_the_code_keeps(tmp_path: Path) -> None:
    write(tmp_path)

    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text() for path in COMMITTED.iterdir()}
    assert written == committed, "run: python -m service.events.asyncapi docs/events"


@pytest.mark.parametrize("model", EVENTS.values(), ids=list(EVENTS))
def test_every_schema_is_a_schema(model: type[Data]) -> None:
    Draft202012Validator.check_schema(schema(model))


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_has_a_channel_an_operation_and_a_payload(name: str) -> None:
    document = json.loads(json.dumps(asyncapi()))

    channel = document["channels"][name]
    message = resolved(document, channel["messages"][name])
    operation = document["operations"][name]

    assert channel["address"] == name
    assert resolved(document, operation["channel"]) == channel
    assert message["name"] == f"dev.relaunch.{name}"
    assert resolved(document, message["payload"])["type"] == "object"


def test_every_reference_leads_somewhere() -> None:
    document = json.loads(json.dumps(asyncapi()))

    assert all(resolved(document, {"$ref": ref}) for ref in references(document))


def resolved(document: dict[str, Any], reference: dict[str, str]) -> dict[str, Any]:
    found: object = document
    for part in reference["$ref"].removeprefix("#/").split("/"):
        assert isinstance(found, dict)
        found = found[part]
    assert isinstance(found, dict)
    return found


def references(node: object) -> list[str]:
    if isinstance(node, list):
        return [ref for child in node for ref in references(child)]
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for child in node.values() for ref in references(child)]
    return []
