"""Whose a pyproject.toml is, and whether it names files outside its project.

https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

import re
from collections.abc import Iterator, Mapping

from service.definitions.formats.local_paths import LINKING
from service.definitions.formats.toml_json import (
    Table,
    table,
    text,
)
from service.definitions.formats.tool_tables import BYSTANDERS

__all__ = [
    "is_of_poetry",
    "names_outside",
]


def is_of_poetry(document: Table) -> bool:
    """Return whether a project uses poetry, by its table or its build backend."""
    builder = text(table(document, "build-system").get("build-backend")) or ""
    has_table = "poetry" in table(document, "tool")
    return has_table or builder.partition(".")[0] == "poetry"


def names_outside(document: Table) -> bool:
    """Return whether a pyproject.toml names paths above its directory.

    Path dependencies of poetry and uv are followed separately, and do not count.
    """
    tools = table(document, "tool")
    poetry = {
        name: item
        for name, item in table(tools, "poetry").items()
        if name not in LINKING
    }
    kept = {
        name: item
        for name, item in tools.items()
        if name not in BYSTANDERS and name not in {"poetry", "uv"}
    }
    read = [document.get("project"), document.get("build-system"), kept, poetry]
    return any(".." in re.split(r"[/\\]", word) for word in _words(read))


def _words(value: object) -> Iterator[str]:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            todo.extend((*item, *item.values()))
        elif isinstance(item, list):
            todo.extend(item)
