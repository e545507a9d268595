"""values.schema.json: what Helm checks before it renders anything."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scripts.chart.model import ChartValues
from scripts.chart.secrets import fields, from_files, is_owned
from service.settings import Settings

__all__ = ["settings_paths", "values_schema"]

_DURATION: Final = r"^([0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)?|P.+)$"
"""`service/settings/section.py` reads these: 90, 90s, 15m, ISO 8601."""
_REFERENCE: Final = "#/$defs/{model}"


def values_schema(texts: Mapping[str, str]) -> str:
    """Return the schema as a file's text.

    Args:
        texts: What each setting is for, by its path.
    """
    schema = ChartValues.model_json_schema(by_alias=True, ref_template=_REFERENCE)
    service = Settings.model_json_schema(ref_template=_REFERENCE)
    settings = _settings(service, texts)
    definitions = service.pop("$defs") | schema.pop("$defs")
    properties = {"settings": settings, **schema["properties"]}
    # Helm puts `global` into the values of every chart.
    properties["global"] = {"type": "object", "description": "Helm's own."}
    whole = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart relaunch",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "definitions": definitions,
    }
    return json.dumps(_draft7(_used(whole)), indent=1, ensure_ascii=False) + "\n"


def settings_paths() -> Iterator[str]:
    """Yield the settings that are values of `settings`."""
    files = from_files()
    return (path for path, _ in fields() if path not in files and not is_owned(path))


def _settings(service: dict[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the schema of `settings`: the settings themselves, group by group."""
    whole: dict[str, Any] = _group("Settings of the service, as in its file.")
    for path in settings_paths():
        group, _, key = path.rpartition(".")
        target = whole
        found = service["properties"]
        if group:
            text = f"Settings `{group}.*`."
            target = whole["properties"].setdefault(group, _group(text))
            found = service["$defs"][_model_of(group)]["properties"]
        schema = {name: part for name, part in found[key].items() if name != "title"}
        target["properties"][key] = schema | {"description": texts[path]}
    return whole


def _model_of(group: str) -> str:
    annotation = Settings.model_fields[group].annotation
    assert annotation is not None
    return annotation.__name__


def _group(description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": {},
    }


def _used(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out definitions that nothing refers to."""
    kept: dict[str, Any] = {}
    waiting = list(_references(schema["properties"]))
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = schema["definitions"][name]
            waiting += _references(kept[name])
    return schema | {"definitions": dict(sorted(kept.items()))}


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def _draft7(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Write what pydantic wrote for draft 2020 so that every Helm understands it."""
    if isinstance(node, list):
        return [_draft7(part) for part in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "duration":
        rest = {key: part for key, part in node.items() if key != "format"}
        return rest | {"type": ["string", "number"], "pattern": _DURATION}
    if reference := node.get("$ref"):
        # Draft 7 ignores what stands beside a reference.
        target = reference.replace("$defs", "definitions")
        beside = {key: _draft7(part) for key, part in node.items() if key != "$ref"}
        return {**beside, "allOf": [{"$ref": target}]} if beside else {"$ref": target}
    return {
        key: _draft7(part)
        for key, part in node.items()
        if not (key == "title" and isinstance(part, str))
    }
