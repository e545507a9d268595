"""The files of the chart, and the page, that are made of the model."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from scripts.chart.model import ChartValues
from scripts.chart.schema import settings_paths, values_schema
from scripts.chart.secrets import OWNED, from_files, roles_of, variable
from service.settings import Settings

__all__ = ["chart_files", "chart_tables", "settings_texts"]

WIDTH: Final = 88
SETTINGS: Final[Mapping[str, Any]] = {"log": {"format": "json"}}
"""The settings that have another default in the chart."""
SETTINGS_TEXT: Final = (
    "Settings of the service, as in its configuration file: `public_url`, "
    "`build.max_concurrent`, `kubernetes.target`. All of them: docs/operating.md."
)
HEAD: Final = "Made by `make docs` out of scripts/chart/model.py."


def chart_files(chart: Path, texts: Mapping[str, str]) -> dict[Path, str]:
    """Return the generated files of the chart.

    Args:
        chart: The folder of the chart.
        texts: What each setting is for, by its path.
    """
    return {
        chart / "values.yaml": _values_file(),
        chart / "values.schema.json": values_schema(texts),
        chart / "files" / "secrets.json": _secrets(),
    }


def chart_tables() -> dict[str, str]:
    """Return the generated parts of the chart's page."""
    rows = ["| value | default | |", "|---|---|---|"]
    rows.append(f"| `settings` | `{json.dumps(SETTINGS)}` | {SETTINGS_TEXT} |")
    rows += [
        f"| `{path}` | {f'`{default}`' if default else ''} | {text} |"
        for path, default, text in _rows(ChartValues(), "")
    ]
    owned = ["| setting | instead |", "|---|---|"]
    owned += [f"| `{path}` | {text} |" for path, text in OWNED.items()]
    owned += [
        f"| `{path}` | `secrets.{_camel(path)}`, for {', '.join(roles_of(path))} |"
        for path in from_files()
    ]
    return {"values": "\n".join(rows), "settings of the chart": "\n".join(owned)}


def _camel(path: str) -> str:
    return to_camel(path.replace(".", "_"))


def _secrets() -> str:
    """Return which value gives which variable, for whom."""
    rows = [
        {
            "value": _camel(path),
            "variable": variable(path, field),
            "roles": list(roles_of(path)),
        }
        for path, field in from_files().items()
    ]
    return json.dumps(rows, indent=1) + "\n"


def _rows(model: BaseModel, prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in type(model).model_fields.items():
        path = f"{prefix}{field.alias or name}"
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _rows(value, f"{path}.")
        else:
            shown = json.dumps(value, ensure_ascii=False)
            text = _text(type(model), name)
            yield path, "" if shown in {'""', "[]", "{}"} else shown, text


def _text(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    return " ".join((field.description or "").split())


def _values_file() -> str:
    """Return values.yaml: every default below what it is for."""
    whole = CommentedMap()
    whole["settings"] = dict(SETTINGS)
    whole.yaml_set_comment_before_after_key("settings", before=_wrapped(SETTINGS_TEXT))
    for key, value in _commented(ChartValues(), 0).items():
        whole[key] = value
    _comment(whole, ChartValues(), 0)
    yaml = YAML()
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(whole, stream)
    return f"# {HEAD}\n{stream.getvalue()}"


def _commented(model: BaseModel, depth: int) -> CommentedMap:
    found = CommentedMap()
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        nested = isinstance(value, BaseModel)
        key = field.alias or name
        found[key] = _commented(value, depth + 1) if nested else _plain(value)
    if depth:
        _comment(found, model, depth)
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 - any default
    return json.loads(json.dumps(value))


def _comment(found: CommentedMap, model: BaseModel, depth: int) -> None:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        text = field.description or ""
        if not text and isinstance(value, BaseModel):
            text = type(value).__doc__ or ""
        found.yaml_set_comment_before_after_key(
            field.alias or name, before=_wrapped(text, depth), indent=2 * depth
        )


def _wrapped(text: str, depth: int = 0) -> str:
    return fill(" ".join(text.split()), WIDTH - 2 - 2 * depth)


def settings_texts(said: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return what each setting is for, by its path.

    Args:
        said: The docstrings of the fields of each class.
    """
    tables = Settings.tables()
    found = {}
    for path in settings_paths():
        group, _, key = path.rpartition(".")
        annotation = (
            Settings.model_fields[group].annotation if group in tables else None
        )
        found[path] = said[annotation.__name__ if annotation else "Settings"][key]
    return found
