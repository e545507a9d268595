"""Checks of what uv refuses in a project and its lock, before it installs anything.

Every rule was tried with uv itself: `uv sync --frozen --no-dev`.
"""

import re
from dataclasses import dataclass
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from service.definitions.closure_builder import Reading
from service.definitions.declared import may_hold
from service.definitions.formats.toml_json import Table, list_tables, table, text, texts
from service.definitions.formats.toml_lines import TomlLines
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.python.interpreters import check_interpreter, has_interpreter
from service.definitions.queries import Asking
from service.definitions.text import show
from service.definitions.uv.settings import find_settings_misfits
from service.definitions.uv.table_schema import find_uv_misfits
from service.domain.findings import Severity

__all__ = ["check_uv", "check_uv_lock", "check_uv_settings"]

LOCK_SCHEMA: Final = 1
"""The only schema version so far: https://docs.astral.sh/uv/reference/internals/resolver/."""
_STRICT_BUILDERS: Final = ("hatchling", "uv_build", "flit_core", "pdm")
"""Build backends that fail if a named readme or licence is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    reading: Reading
    found: ResolvedPath
    document: Table
    lines: TomlLines

    def error(self, code: str, message: str, *keys: str, word: str = "") -> None:
        self.reading.remark(
            Severity.ERROR,
            code,
            f"{show(self.found.path)}: {message}. The build would fail.",
            path=self.found.path,
            line=self.lines.line_of(*keys, word=word),
        )


def check_uv(
    reading: Reading, found: ResolvedPath, document: Table, *, is_built: bool
) -> Asking[None]:
    """Report problems for which uv would refuse a project."""
    raw = yield from reading.files.content(found.entry.oid, found.real)
    lines = TomlLines(raw or b"")
    project = _Project(reading=reading, found=found, document=document, lines=lines)
    if "project" in document:
        _check_metadata(project)
    _check_table(project)
    _check_groups(project)
    wanted = text(table(document, "tool", "uv").get("required-version"))
    _check_required(project, wanted, "tool", "uv", "required-version")
    if is_built:
        yield from _check_named_files(project)


def check_uv_settings(
    reading: Reading, found: ResolvedPath, settings: Table
) -> Asking[None]:
    """Report problems for which uv would refuse a uv.toml."""
    raw = yield from reading.files.content(found.entry.oid, found.real)
    lines = TomlLines(raw or b"")
    project = _Project(reading=reading, found=found, document=settings, lines=lines)
    wanted = text(settings.get("required-version"))
    _check_required(project, wanted, "required-version")
    for keys, why in find_settings_misfits(settings):
        where = show(".".join(keys))
        project.error(
            "uv_invalid",
            f"uv refuses {where}: {why}; correct or remove it",
            *keys,
        )


def check_uv_lock(reading: Reading, lock: Table, document: Table) -> bool:
    """Return whether uv accepts a lock; report why it does not."""
    path = join_path(reading.context_dir, "uv.lock") or "uv.lock"
    schema = lock.get("version")
    name = text(table(document, "project").get("name"))
    names = {text(package.get("name")) for package in list_tables(lock.get("package"))}
    if schema != LOCK_SCHEMA:
        seen = "no schema version" if schema is None else f"schema version {schema}"
        code, why = "lock_schema", f"has {seen}, and uv reads version {LOCK_SCHEMA}"
    elif "requires-python" not in lock:
        code, why = "lock_schema", "has no requires-python"
    elif why := _check_lock_platform(reading, lock):
        code = "lock_platform"
    elif name and canonicalize_name(name) not in names:
        code, why = "stale_lock", f"does not hold the project {show(name)}"
    else:
        return True
    reading.remark(
        Severity.ERROR,
        code,
        f"{show(path)} {why}; run `uv lock` and commit the result. The build would"
        " fail.",
        path=path,
        line=1,
    )
    return False


def _check_lock_platform(reading: Reading, lock: Table) -> str:
    """Return why a lock supports no image; empty when it supports one."""
    python = text(lock.get("requires-python")) or ""
    if not has_interpreter(python, reading.tools.pythons):
        return f"is for Python {show(python)}, which builds do not have"
    markers = texts(lock.get("supported-markers"))
    if markers and not any(may_hold(marker) for marker in markers):
        return (
            f"is for {show(' or '.join(markers))} alone, and images are Linux's; add"
            " sys_platform == 'linux' to environments under [tool.uv]"
        )
    return ""


def _check_metadata(project: _Project) -> None:
    metadata = table(project.document, "project")
    dynamic = texts(metadata.get("dynamic"))
    for key in ("name", "version"):
        value = metadata.get(key)
        if value is None and (key == "name" or key not in dynamic):
            project.error(
                "project_field_missing",
                f"[project] has no {key}, which uv needs; add {key} = "
                + ('"my-project"' if key == "name" else '"0.1.0"'),
                "project",
            )
        elif value is not None and not _is_right(key, value):
            project.error(
                "project_invalid",
                f"{show(repr(value))} is no {key} of a project; correct it",
                "project",
                key,
            )
    requires = metadata.get("requires-python")
    if requires is not None and not _is_right("requires-python", requires):
        project.error(
            "project_invalid",
            f"{show(repr(requires))} is no version specifier; write one such as"
            ' ">=3.11" (^ is poetry\'s)',
            "project",
            "requires-python",
        )
    else:
        path, line = (
            project.found.path,
            project.lines.line_of("project", "requires-python"),
        )
        check_interpreter(project.reading, path, text(requires), line)
    if not isinstance(metadata.get("dependencies", []), list):
        project.error(
            "project_invalid",
            "dependencies is no array; write one of strings",
            "project",
            "dependencies",
        )


def _is_right(key: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        match key:
            case "name":
                canonicalize_name(value, validate=True)
            case "version":
                Version(value)
            case _:
                SpecifierSet(value)
    except (InvalidName, InvalidVersion, InvalidSpecifier):
        return False
    return True


def _check_table(project: _Project) -> None:
    uv = table(project.document, "tool", "uv")
    for keys, why in find_uv_misfits(uv):
        project.error(
            "uv_invalid",
            f"uv refuses tool.uv.{show('.'.join(keys))}: {why}; correct or remove it",
            "tool",
            "uv",
            *keys,
        )
    if uv.get("managed") is False:
        project.error(
            "uv_unmanaged",
            "managed = false forbids uv to install the project; remove the line",
            "tool",
            "uv",
            "managed",
        )
    groups = {_normal(name) for name in table(project.document, "dependency-groups")}
    if "dev-dependencies" in uv:
        groups.add("dev")
    for name in texts(uv.get("default-groups")):
        if name != "all" and _normal(name) not in groups | {"dev"}:
            project.error(
                "group_missing",
                f"the default group {show(name)} is not in [dependency-groups]; add or"
                " remove it",
                "tool",
                "uv",
                "default-groups",
            )


def _check_groups(project: _Project) -> None:
    groups = table(project.document, "dependency-groups")
    names = {_normal(name) for name in groups}
    for group, wanted in groups.items():
        keys = ("dependency-groups", group)
        for requirement in texts(wanted):
            try:
                Requirement(requirement)
            except (InvalidRequirement, RecursionError):
                project.error(
                    "requirement_invalid",
                    f"{show(repr(requirement))} in the group {show(group)} is no"
                    ' requirement; write one such as "six>=1.16"',
                    *keys,
                    word=requirement,
                )
        for included in list_tables(wanted):
            name = text(included.get("include-group"))
            if name is not None and _normal(name) not in names:
                project.error(
                    "group_missing",
                    f"the group {show(group)} includes {show(name)}, which is not in"
                    " [dependency-groups]; add or remove it",
                    *keys,
                    word=name,
                )


def _normal(name: str) -> str:
    return canonicalize_name(name)


def _check_required(project: _Project, wanted: str | None, *keys: str) -> None:
    """Compare the required version of uv with that of builds, where it is known."""
    uv = project.reading.tools.uv
    if wanted is None or not uv:
        return
    try:
        # A bare version means exactly that one.
        asked = f"=={wanted}" if re.match(r"\s*\d", wanted) else wanted
        allowed = SpecifierSet(asked)
    except InvalidSpecifier:
        return  # uv warns and ignores the whole table
    if not allowed.contains(uv, prereleases=True):
        project.error(
            "uv_version",
            f"it asks for uv {show(wanted)}, and uv {uv} builds; widen it",
            *keys,
        )


def _check_named_files(project: _Project) -> Asking[None]:
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
