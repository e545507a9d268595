"""The local projects and archives that a pyproject.toml, or uv's settings, name."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from service.definitions.formats.toml_json import (
    Table,
    list_tables,
    table,
    text,
    texts,
)

__all__ = ["LINKING", "LocalPath", "poetry_paths", "uv_archives", "uv_paths"]

LINKING: Final = ("dependencies", "dev-dependencies", "group")
"""Tables of poetry with path dependencies, which are followed separately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPath:
    """A dependency on a directory or an archive of the repository."""

    path: str
    """Relative to the file that names it."""
    is_editable: bool
    is_needed: bool = True
    """Whether a build fails without it; dependencies of other groups may be missing."""
    is_virtual: bool = False
    """Whether only its dependencies are installed."""


def poetry_paths(document: Table) -> Iterator[LocalPath]:
    """Yield poetry's path dependencies, of every group.

    https://python-poetry.org/docs/dependency-specification/#path-dependencies
    """
    poetry = table(document, "tool", "poetry")
    main = poetry.get("dependencies")
    groups = [main, poetry.get("dev-dependencies")]
    groups += [
        table(item).get("dependencies") for item in table(poetry, "group").values()
    ]
    for group in groups:
        for wanted in table(group).values():
            alternatives = [table(wanted)] if isinstance(wanted, Mapping) else []
            for entry in (*alternatives, *list_tables(wanted)):
                path = text(entry.get("path")) or text(entry.get("file"))
                if path:
                    yield LocalPath(
                        path=path,
                        is_editable=entry.get("develop") is True,
                        is_needed=group is main and entry.get("optional") is not True,
                    )


def uv_paths(document: Table) -> Iterator[LocalPath]:
    """Yield uv's path sources, and the workspace members named without a pattern.

    uv installs what uv.lock names, so a build needs none of them that is not in it.
    Members named by a pattern are in uv.lock, too.

    https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources
    """
    uv = table(document, "tool", "uv")
    for wanted in table(uv, "sources").values():
        alternatives = [table(wanted)] if isinstance(wanted, Mapping) else []
        for entry in (*alternatives, *list_tables(wanted)):
            path = text(entry.get("path"))
            if path:
                is_editable = (
                    entry.get("editable") is True or entry.get("package") is False
                )
                yield LocalPath(path=path, is_editable=is_editable, is_needed=False)
    for member in texts(table(uv, "workspace").get("members")):
        if not re.search(r"[*?\[{]", member):
            yield LocalPath(path=member, is_editable=True, is_needed=False)


def uv_archives(settings: Table) -> Iterator[LocalPath]:
    """Yield the directories of archives that uv's settings name.

    uv fails if one of `find-links` is missing, whatever it installs.

    https://docs.astral.sh/uv/concepts/indexes/
    """
    pages = [(page, True) for page in texts(settings.get("find-links"))]
    urls = [settings.get("index-url"), *texts(settings.get("extra-index-url"))]
    urls += [index.get("url") for index in list_tables(settings.get("index"))]
    pages += [(url, False) for url in map(text, urls) if url]
    for page, is_needed in pages:
        if "://" not in page:
            yield LocalPath(path=page, is_editable=False, is_needed=is_needed)
