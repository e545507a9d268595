"""The events as other services may rely on them: JSON Schemas, one AsyncAPI document.

Generated from the models in `service.events.models`; `python -m
service.events.asyncapi docs/events` writes what `docs/events/` holds.
https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import JsonValue
from pydantic.json_schema import models_json_schema

from service.events.envelope import SOURCE, TYPE_PREFIX
from service.events.models import EVENTS, Data

__all__ = ["EXCHANGE", "asyncapi", "schema", "write"]

VERSION: Final = "2.0.0"
"""Of the contract. The second number grows with a new field or type; the first when a
type is no longer published, as version 1 of four types is since 0.2.0."""

EXCHANGE: Final = "relaunch.events"
"""Where a broker carries the events, unless its operator wanted another prefix."""
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

DESCRIPTION: Final = (
    "What relaunch says about pushes, evaluations, builds and launchers. Events are "
    "CloudEvents 1.0 in binary form: attributes in `cloudEvents_*` headers, data as "
    "JSON in the body, the id once more as the message id. Delivered at least once and "
    "in any order: readers keep the ids they have seen, and ignore fields and types "
    "they do not know. To subscribe, bind a queue of your own to the exchange."
)

ATTRIBUTES: Final[Mapping[str, str]] = {
    "cloudEvents_specversion": "The version of CloudEvents.",
    "cloudEvents_id": "The event; the same when it is delivered again.",
    "cloudEvents_source": "Who says it.",
    "cloudEvents_type": "What happened, and the version of the data.",
    "cloudEvents_time": "When it happened, as RFC 3339 has it.",
}
"""Headers of every message."""

MORE_ATTRIBUTES: Final[Mapping[str, str]] = {
    "cloudEvents_subject": "What it is about: a source, a build, a launcher.",
    "cloudEvents_traceparent": "The trace it belongs to, as W3C has it.",
}
"""Headers of some messages."""


def schema(model: type[Data]) -> dict[str, JsonValue]:
    """Return the JSON Schema of an event's data."""
    made = model.model_json_schema()
    return {"$schema": DIALECT, **made, "description": _says(model)}


def asyncapi(*, exchange: str = EXCHANGE) -> dict[str, JsonValue]:
    """Return the AsyncAPI document of all events."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in EVENTS.values()],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "relaunch events",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "localhost:5672",
                "protocol": "amqp",
                "protocolVersion": "0-9-1",
                "description": "The RabbitMQ of the installation.",
            }
        },
        "channels": {name: _channel(name, exchange) for name in EVENTS},
        "operations": {name: _operation(name) for name in EVENTS},
        "components": {
            "messages": {name: _message(name, model) for name, model in EVENTS.items()},
            "schemas": definitions["$defs"],
        },
    }


def write(folder: Path) -> None:
    """Write the document and a schema per event into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "asyncapi.json", asyncapi())
    for name, model in EVENTS.items():
        _write(folder / f"{name}.schema.json", schema(model))


def _write(path: Path, document: Mapping[str, JsonValue]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _channel(name: str, exchange: str) -> dict[str, JsonValue]:
    return {
        "address": name,
        "description": f"Messages with the routing key `{name}`.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": exchange,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                },
                "bindingVersion": "0.3.0",
            }
        },
    }


def _operation(name: str) -> dict[str, JsonValue]:
    return {
        "action": "send",
        "summary": _says(EVENTS[name]),
        "channel": {"$ref": f"#/channels/{name}"},
    }


def _message(name: str, model: type[Data]) -> dict[str, JsonValue]:
    return {
        "name": TYPE_PREFIX + name,
        "summary": _says(model),
        "contentType": "application/json",
        "headers": _headers(TYPE_PREFIX + name),
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
    }


def _headers(kind: str) -> dict[str, JsonValue]:
    fixed = {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_source": SOURCE,
        "cloudEvents_type": kind,
    }
    properties: dict[str, JsonValue] = {}
    for name, text in {**ATTRIBUTES, **MORE_ATTRIBUTES}.items():
        const = {"const": fixed[name]} if name in fixed else {}
        properties[name] = {"type": "string", "description": text, **const}
    return {"type": "object", "properties": properties, "required": [*ATTRIBUTES]}


def _says(model: type[Data]) -> str:
    return inspect.cleandoc(model.__doc__ or "")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
