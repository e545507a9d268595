"""[project] of a project that pip builds, as far as its build backend reads it.

https://packaging.python.org/en/latest/specifications/pyproject-toml/. What is refused
here was tried with the newest release of each backend; they differ.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from service.definitions.formats.project_fields import is_requirement, is_valid_field
from service.definitions.formats.values import Table, table, text, texts
from service.definitions.local.project_file import ProjectFile
from service.definitions.paths import join_path
from service.definitions.poetry.versions import is_constraint
from service.definitions.queries import Asking
from service.definitions.text import show

__all__ = ["check_project_table"]

_MAX_CLAUSES: Final = 20
_NUMBER: Final = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Backend:
    """A build backend, and what it refuses in [project]."""

    package: str
    since: str
    """The first version that reads [project]."""
    parses_requirements: bool = True
    """Whether it refuses every requirement that `packaging` refuses."""
    refuses_twice: frozenset[str] | None = None
    """The fields that may not be dynamic and written as well; None for all."""
    reads_texts: bool = True
    """Whether it refuses to go without the README and the licence that are named."""


_SETUPTOOLS: Final = _Backend(package="setuptools", since="61", reads_texts=False)
_HATCHLING: Final = _Backend(package="hatchling", since="0")
_FLIT: Final = _Backend(package="flit-core", since="3.2", parses_requirements=False)
_PDM: Final = _Backend(
    package="pdm-backend", since="2", refuses_twice=frozenset({"version"})
)
_POETRY: Final = _Backend(
    package="poetry-core",
    since="2",
    parses_requirements=False,
    refuses_twice=frozenset(),
)
_BACKENDS: Final[Mapping[str, _Backend]] = {
    "setuptools.build_meta": _SETUPTOOLS,
    "setuptools.build_meta:__legacy__": _SETUPTOOLS,
    "hatchling.build": _HATCHLING,
    "flit_core.buildapi": _FLIT,
    "pdm.backend": _PDM,
    "poetry.core.masonry.api": _POETRY,
}


def check_project_table(project: ProjectFile, directory: str) -> Asking[None]:
    """Report what the build backend of a project refuses in [project].

    Args:
        project: Its pyproject.toml, the [build-system] of which is valid.
        directory: The resolved path of the project.
    """
    backend = _find_backend(project.document)
    if backend is None or "project" not in project.document:
        return
    if not isinstance(project.document["project"], Mapping):
        _refuse(project, "project is no table; write [project]")
        return
    metadata = table(project.document, "project")
    _check_dynamic(project, backend, metadata)
    _check_fields(project, backend, metadata)
    _check_dependencies(project, backend, metadata)
    if backend.reads_texts:
        for key in ("readme", "license"):
            value = metadata.get(key)
            # A license that is a text is an expression.
            name = text(table(value).get("file")) or (
                text(value) if key == "readme" else None
            )
            yield from _check_file(project, directory, name, "project", key)
    if backend is _HATCHLING:
        name = _version_file(project.document)
        keys = ("tool", "hatch", "version", "path")
        yield from _check_file(project, directory, name, *keys)


def _find_backend(document: Table) -> _Backend | None:
    """Return the backend that reads [project]; None where that is not certain."""
    if "build-system" not in document:
        return _SETUPTOOLS
    system = table(document, "build-system")
    given = system.get("build-backend", "setuptools.build_meta")
    backend = _BACKENDS.get(text(given) or "")
    if backend is None or system.get("backend-path"):
        return None
    try:
        wanted = [Requirement(item) for item in texts(system.get("requires"))]
        named = [
            item.specifier
            for item in wanted
            if canonicalize_name(item.name) == backend.package and not item.url
        ]
        is_read = all(_reaches(allowed, backend.since) for allowed in named)
    except (RecursionError, ValueError):  # nested too deeply, too many digits
        return None
    return backend if named and is_read else None


def _reaches(allowed: SpecifierSet, since: str) -> bool:
    """Return whether the newest version that is allowed is not older than another."""
    if len(allowed) > _MAX_CLAUSES:
        return False
    points = ["9999"]
    for part in allowed:
        release = [int(number) for number in _NUMBER.findall(part.version)[:3]]
        while len(release) > 1 and not release[-1]:
            release.pop()
        if release:
            points.append(".".join(map(str, release)))
            below = [*release[:-1], max(release[-1] - 1, 0), 9999]
            points.append(".".join(map(str, below)))
    return any(Version(point) >= Version(since) for point in points if point in allowed)


def _check_dynamic(project: ProjectFile, backend: _Backend, metadata: Table) -> None:
    dynamic = metadata.get("dynamic", [])
    if not isinstance(dynamic, list) or len(texts(dynamic)) < len(dynamic):
        _refuse(project, "dynamic is no list of strings; correct it", "dynamic")
        return
    twice = backend.refuses_twice
    for name in dynamic:
        if name == "name":
            why = "the name of a project cannot be dynamic; take it out of dynamic"
            _refuse(project, why, "dynamic")
        elif name in metadata and (twice is None or name in twice):
            why = f"{show(name)} is dynamic and written as well; take one of them out"
            _refuse(project, why, name)


def _check_fields(project: ProjectFile, backend: _Backend, metadata: Table) -> None:
    dynamic = texts(metadata.get("dynamic"))
    has_other = backend is _POETRY and "version" in table(
        project.document, "tool", "poetry"
    )
    for key, example in (("name", "my-project"), ("version", "0.1.0")):
        value = metadata.get(key)
        if value is not None and not is_valid_field(key, value):
            why = f"{show(repr(value))} is no {key} of a project; correct it"
            _refuse(project, why, key)
        is_elsewhere = key == "version" and (key in dynamic or has_other)
        if value is None and not is_elsewhere:
            project.error(
                "project_field_missing",
                f"[project] has no {key}, which {backend.package} needs; add"
                f' {key} = "{example}"',
                "project",
            )
    requires = metadata.get("requires-python")
    if requires is not None and not _is_python(backend, requires):
        _refuse(
            project,
            f"{show(repr(requires))} is no version specifier; write one such as"
            ' ">=3.11"',
            "requires-python",
        )


def _is_python(backend: _Backend, requires: object) -> bool:
    if backend is _FLIT and isinstance(requires, str):
        return True  # copied, and pip ignores one that it cannot read
    if backend is _POETRY and isinstance(requires, str):
        return is_constraint(requires, major=2)
    return is_valid_field("requires-python", requires)


def _check_dependencies(
    project: ProjectFile, backend: _Backend, metadata: Table
) -> None:
    key = "optional-dependencies"
    extras = metadata.get(key, {})
    if not isinstance(extras, Mapping):
        _refuse(project, f"{key} is no table; correct it", key)
        extras = {}
    lists: list[tuple[tuple[str, ...], object]] = [
        (("dependencies",), metadata.get("dependencies", [])),
        *(((key, str(extra)), items) for extra, items in extras.items()),
    ]
    for keys, items in lists:
        if not isinstance(items, list) or len(texts(items)) < len(items):
            why = f"{show('.'.join(keys))} is no list of strings; correct it"
            _refuse(project, why, *keys)
            continue
        for item in texts(items):
            if backend.parses_requirements and not is_requirement(item):
                why = f"{show(repr(item))} is no requirement; correct it"
                _refuse(project, why, *keys, word=item)


def _version_file(document: Table) -> str | None:
    """Return the file from which hatchling takes the version, if it does."""
    hatch = table(document, "tool", "hatch")
    version = table(hatch, "version")
    is_read = (
        "version" in texts(table(document, "project").get("dynamic"))
        and version.get("source", "regex") == "regex"
        and "hooks" not in table(hatch, "metadata")
    )
    return text(version.get("path")) if is_read else None


def _check_file(
    project: ProjectFile, directory: str, name: str | None, *keys: str
) -> Asking[None]:
    path = join_path(directory, name) if name else None
    if path is None:
        return
    found = (yield from project.reading.files.find([path]))[path]
    if found.is_absent and found.trouble is None:
        project.reading.add(found, "metadata", whole=False)
        project.error(
            "readme_missing" if keys[-1] == "readme" else "missing_include",
            f"{'.'.join(keys)} names {show(name or '')}, which is not there; add the"
            " file, or correct the key",
            *keys,
        )


def _refuse(project: ProjectFile, why: str, *keys: str, word: str = "") -> None:
    project.error("project_invalid", why, "project", *keys, word=word)
