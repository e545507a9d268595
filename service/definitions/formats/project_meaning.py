"""What a pyproject.toml means to its installer, and in an image that holds it."""

import re
from collections.abc import Mapping
from typing import Final

from service.definitions.formats.toml_json import Table, canonical, table
from service.definitions.formats.tool_tables import (
    BYSTANDERS,
    has_known_builders,
    has_own_backend,
    unread_tables,
)

__all__ = ["meaning", "project_meaning"]

_DESCRIPTIVE: Final = frozenset(
    {"authors", "description", "keywords", "maintainers", "urls"}
)
"""Keys whose texts are copied into metadata and never interpreted."""
_URL: Final = re.compile(r"https?://[\w.-]+(?:/\S*)?")
_SETTLED: Final = frozenset(
    {"dependencies", "dev-dependencies", "extras", "group", "optional-dependencies"}
)
"""Keys of [project] and poetry that a lock has settled."""


def meaning(document: Table, *, installer: str, is_built: bool) -> str:
    """Return the canonical form of what an installer reads in a pyproject.toml.

    Everything counts but the `[tool]` tables that neither the installer nor the build
    reads. If some build requirement is unknown, it may read any table: then only tables
    that no build backend reads are left out.

    Args:
        document: The parsed file.
        installer: The `[tool]` table of the installer; empty for pip.
        is_built: Whether the project itself is built and installed.
    """
    tools = table(document, "tool")
    unread = unread_tables(document, is_built=is_built) - {installer}
    kept = {name: item for name, item in tools.items() if name not in unread}
    if "poetry" in kept:
        kept["poetry"] = _reduce_descriptions(table(tools, "poetry"))
    read: dict[str, object] = {
        name: item for name, item in document.items() if name != "tool"
    }
    read["tool"] = kept
    if "project" in read:
        read["project"] = _reduce_descriptions(table(document, "project"))
    return canonical(read)


def project_meaning(
    document: Table, *, is_locked: bool = False, is_read: bool = False
) -> str:
    """Return the canonical form of the pyproject.toml of a project that is installed.

    The image contains the file, so programs can read any table of it. Only tables of
    linters and formatters and dependency groups are left out, texts that describe the
    package, and extras, which count where somebody asks for them; comments and the
    order of keys do not count.

    Args:
        document: The parsed file.
        is_locked: Whether a lock that fits decides what is installed beside it.
        is_read: Whether a program of the project reads the file while it is built.
    """
    tools = table(document, "tool")
    is_read = is_read or has_own_backend(document)
    is_known = not is_read and has_known_builders(document)
    kept: dict[str, object] = {
        name: item for name, item in tools.items() if is_read or name not in BYSTANDERS
    }
    rest = {
        name: item
        for name, item in document.items()
        if name != "tool" and not (is_known and name == "dependency-groups")
    }
    # A build requirement that is not known may read anything.
    if is_known:
        left_out = _SETTLED if is_locked else {"optional-dependencies"}
        for owner, name in ((rest, "project"), (kept, "poetry")):
            if isinstance(owner.get(name), Mapping):
                read = _reduce_descriptions(table(owner, name))
                groups = {"dev-dependencies", "group"} if name == "poetry" else set()
                owner[name] = {
                    key: item
                    for key, item in read.items()
                    if key not in left_out | groups
                }
    return canonical([rest, kept])


def _reduce_descriptions(project: Table) -> dict[str, object]:
    """Reduce descriptive texts to their form, which can make a build fail."""
    return {
        key: _form(item) if key in _DESCRIPTIVE else item
        for key, item in sorted(project.items())
    }


def _form(value: object) -> object:
    if isinstance(value, str):
        if value.startswith("http"):
            return ["url" if _URL.fullmatch(value) else value]
        return ["lines" if "\n" in value else "line", *(["@"] if "@" in value else [])]
    if isinstance(value, list):
        return sorted({canonical(_form_of_item(item)) for item in value})
    if isinstance(value, Mapping):
        return sorted({canonical(_form(item)) for item in value.values()})
    return value


def _form_of_item(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _form(item) for key, item in value.items()}
    return _form(value) if isinstance(value, str) else type(value).__name__
