"""Checks of what uv refuses in a project and its lock, before it installs anything.

Every rule was tried with uv itself: `uv sync --frozen --no-dev`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from packaging.specifiers import SpecifierSet

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import Table, table, text
from service.definitions.formats.toml_lines import Keys
from service.definitions.local.project_file import ProjectFile, open_project_file
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.queries import Asking
from service.definitions.text import show
from service.definitions.uv.fitting import refuse_misfits
from service.definitions.uv.groups import check_groups
from service.definitions.uv.metadata import check_metadata
from service.definitions.uv.settings import find_ignored_settings, find_settings_misfits
from service.definitions.uv.table_schema import find_uv_misfits

__all__ = ["check_project_settings", "check_uv", "check_uv_settings"]

_TABLES: Final = (("project",), ("tool",), ("tool", "uv"))
"""Where uv reads a table; [dependency-groups] has its own check."""
_STRICT_BUILDERS: Final = ("hatchling", "uv_build", "flit_core", "pdm")
"""Build backends that fail if a named readme or licence is missing."""


def check_uv(
    reading: Reading, found: ResolvedPath, document: Table, *, is_built: bool
) -> Asking[None]:
    """Report problems for which uv would refuse a project."""
    project = yield from open_project_file(reading, found, document)
    if "project" in document:
        check_metadata(project)
    refuse_misfits(project, "table_invalid", _find_no_tables(document))
    _check_table(project)
    check_groups(project)
    if is_built:
        yield from _check_named_files(project)


def check_uv_settings(
    reading: Reading, found: ResolvedPath, settings: Table
) -> Asking[None]:
    """Report problems for which uv would refuse a uv.toml."""
    project = yield from open_project_file(reading, found, settings)
    wanted = text(settings.get("required-version"))
    _check_required(project, wanted, "required-version")
    refuse_misfits(project, "uv_invalid", find_settings_misfits(settings))


def check_project_settings(
    reading: Reading, found: ResolvedPath, document: Table
) -> Asking[bool]:
    """Check the settings under [tool.uv]; return whether uv reads them.

    One that is invalid makes uv warn, and ignore them all; the build goes on. Which uv
    they require is read even then.
    """
    uv = table(document, "tool", "uv")
    if not uv:
        return True
    project = yield from open_project_file(reading, found, document)
    wanted = text(uv.get("required-version"))
    _check_required(project, wanted, "tool", "uv", "required-version")
    ignored = dict(find_ignored_settings(uv))
    refused = {keys for keys, _ in find_uv_misfits(uv)}
    for place, why in ignored.items():
        keys = ("tool", "uv", *place)
        if place not in refused:
            project.warn(
                "uv_settings_ignored",
                "uv ignores every setting under [tool.uv], because it cannot read"
                f" {show('.'.join(keys))}: {why}; correct or remove it",
                *keys,
            )
    return not ignored


def _find_no_tables(document: Table) -> Iterator[tuple[Keys, str]]:
    """Yield what is something else where uv reads a table."""
    for keys in _TABLES:
        owner = table(document, *keys[:-1])
        value = owner.get(keys[-1])
        if value is not None and not isinstance(value, Mapping):
            yield keys, f"expected a table, found {show(repr(value), limit=60)}"


def _check_table(project: ProjectFile) -> None:
    uv = table(project.document, "tool", "uv")
    misfits = list(find_uv_misfits(uv))
    refuse_misfits(
        project, "uv_invalid", ((("tool", "uv", *keys), why) for keys, why in misfits)
    )
    if uv.get("managed") is False:
        project.error(
            "uv_unmanaged",
            "managed = false forbids uv to install the project; remove the line",
            *("tool", "uv", "managed"),
        )


def _check_required(project: ProjectFile, wanted: str | None, *keys: str) -> None:
    """Compare the required version of uv with that of builds, where it is known."""
    uv = project.reading.tools.uv
    if wanted is None or not uv:
        return
    try:
        # A bare version means exactly that one.
        asked = f"=={wanted}" if re.match(r"\s*\d", wanted) else wanted
        is_ours = SpecifierSet(asked).contains(uv, prereleases=True)
    # Uv warns and ignores the whole table; a number may also have too many digits.
    except ValueError:
        return
    if not is_ours:
        project.error(
            "uv_version",
            f"it asks for uv {show(wanted)}, and uv {uv} builds; widen it",
            *keys,
        )


def _check_named_files(project: ProjectFile) -> Asking[None]:
    """Check the files that the build backend copies into the package's metadata."""
    builder = text(table(project.document, "build-system").get("build-backend")) or ""
    if not builder.startswith(_STRICT_BUILDERS):
        return
    metadata = table(project.document, "project")
    for key in ("readme", "license"):
        name = text(table(metadata, key).get("file"))
        if key == "readme":
            name = name or text(metadata.get(key))
        path = join_path(project.reading.context_dir, name) if name else None
        if name is None or path is None:
            continue
        found = (yield from project.reading.files.find([path]))[path]
        project.reading.add(found, "metadata", whole=False)
        if found.is_absent:
            project.error(
                f"{key}_missing",
                f"the {key} {show(name)} is named and not there; add it, or remove the"
                " key",
                "project",
                key,
            )
