"""The chart's objects, without Helm: its templates only name values."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

__all__ = ["objects"]

CHART: Final = Path(__file__).parents[2] / "charts" / "relaunch"
_VALUE: Final = re.compile(r"\{\{ \.([A-Za-z.]+) \}\}")


def objects(template: str, *, release: str, namespace: str) -> list[dict[str, Any]]:
    """Return what a template holds when builds run in the release's own namespace."""
    yaml = YAML(typ="safe")
    values = yaml.load(CHART / "values.yaml")
    values["builds"]["namespace"] = namespace
    known = {"Release": {"Name": release, "Namespace": namespace}, "Values": values}
    text = (CHART / "templates" / template).read_text()
    filled = _VALUE.sub(lambda match: _value(known, match[1]), text)
    return list(yaml.load_all(filled))


def _value(known: Mapping[str, Any], path: str) -> str:
    found: Any = known
    for key in path.split("."):
        found = found[key]
    return str(found)
