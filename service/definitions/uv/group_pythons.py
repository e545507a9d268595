"""The Pythons that groups of a project ask for, beside the project itself.

uv reads them also where a lock fits: they choose the Python of the environment.
https://docs.astral.sh/uv/concepts/projects/dependencies/#group-requires-python
"""

from collections.abc import Iterator
from typing import Final

from packaging.utils import canonicalize_name

from service.definitions.formats.values import Table, list_tables, table, text
from service.definitions.locks.packages import is_default_group

__all__ = ["group_pythons", "project_python"]

_KEY: Final = "dependency-groups"


def group_pythons(document: Table) -> Iterator[tuple[str, str]]:
    """Yield the groups that `uv sync --no-dev` installs, and the Python each asks for.

    A group that another one includes is installed with it, also if it is `dev`.
    """
    installed = _installed(document)
    for name, settings in table(document, "tool", "uv", _KEY).items():
        requires = text(table(settings).get("requires-python"))
        if requires and canonicalize_name(name) in installed:
            yield name, requires


def project_python(document: Table) -> str:
    """Return what a project and its installed groups ask of Python together."""
    own = text(table(document, "project").get("requires-python"))
    asked = [own or "", *(requires for _, requires in group_pythons(document))]
    return ",".join(part for part in asked if part)


def _installed(document: Table) -> frozenset[str]:
    default = table(document, "tool", "uv").get("default-groups")
    groups = {
        canonicalize_name(name): wanted
        for name, wanted in table(document, _KEY).items()
    }
    todo = [name for name in groups if is_default_group(name, default)]
    installed: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in installed:
            installed.add(name)
            included = (
                text(item.get("include-group"))
                for item in list_tables(groups.get(name))
            )
            todo.extend(canonicalize_name(text) for text in included if text)
    return frozenset(installed)
