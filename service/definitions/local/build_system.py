"""[build-system] of a project that pip builds, as far as pip reads it.

These are checks of pip itself (`pip/_internal/pyproject.py`, and `pyproject_hooks` for
backend-path), which come before any build backend runs. Pip ends at the first fault.
"""

import posixpath
import re
from collections.abc import Mapping
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.formats.project_fields import is_requirement
from service.definitions.formats.toml_json import Table, table, texts
from service.definitions.local.project_file import open_project_file
from service.definitions.local.project_table import check_project_table
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.queries import Asking
from service.definitions.text import show

__all__ = ["check_build", "is_project"]

_TABLE: Final = "build-system"
_MODULE: Final = re.compile(r"[^.:]+(?:\.[^.:]+)*(?::.*)?", re.DOTALL)


def is_project(reading: Reading, directory: str) -> Asking[bool]:
    """Return whether a directory has a file by which pip builds a project."""
    names = ("pyproject.toml", "setup.py")
    paths = [join_path(directory, name) or name for name in names]
    found = yield from reading.files.find(paths)
    return not all(found[path].is_absent or found[path].is_directory for path in paths)


def check_build(
    reading: Reading, directory: str, pyproject: ResolvedPath, document: Table
) -> Asking[None]:
    """Report why pip, or the build backend of a project, refuses its pyproject.toml.

    Args:
        reading: The closure.
        directory: The resolved path of the project.
        pyproject: The file.
        document: Its content.
    """
    project = yield from open_project_file(reading, pyproject, document)
    if _TABLE in document:
        fault = _find_fault(document[_TABLE]) or (
            yield from _find_path_fault(reading, directory, document)
        )
        if fault:
            keys, why, word = fault
            project.error("build_system_invalid", why, _TABLE, *keys, word=word)
            return
    yield from check_project_table(project, directory)


Fault = tuple[tuple[str, ...], str, str]
"""The keys in [build-system], why pip refuses it, and a text in its line."""


def _find_fault(system: object) -> Fault | None:
    if not isinstance(system, Mapping):
        return (), "build-system is no table, and pip reads its requires", ""
    if "requires" not in system:
        why = "[build-system] has no requires, which pip needs; add requires ="
        return (), f'{why} ["setuptools"]', ""
    return _find_fault_of_requires(system) or _find_fault_of_backend(system)


def _find_fault_of_requires(system: Table) -> Fault | None:
    requires = system["requires"]
    keys = ("requires",)
    if not isinstance(requires, list) or len(texts(requires)) < len(requires):
        why = "requires of [build-system] is no list of strings; write it as"
        return keys, f'{why} ["setuptools"]', ""
    for item in requires:
        if not is_requirement(item):
            why = f"{show(repr(item))} in requires is no requirement; correct it"
            return keys, why, item
    if not requires and not system.get("backend-path"):
        why = "requires is empty, so that no build backend is installed; name it there"
        return keys, why, ""
    return None


def _find_fault_of_backend(system: Table) -> Fault | None:
    backend = system.get("build-backend")
    if backend is None or (isinstance(backend, str) and _MODULE.fullmatch(backend)):
        return None
    why = f"build-backend {show(repr(backend))} names no module of Python; correct it"
    return ("build-backend",), why, ""


def _find_path_fault(
    reading: Reading, directory: str, document: Table
) -> Asking[Fault | None]:
    """Return what is wrong with backend-path, of which a directory has to exist."""
    given = table(document, _TABLE).get("backend-path")
    if not given or isinstance(given, str):
        return None
    keys = ("backend-path",)
    if not isinstance(given, list) or len(texts(given)) < len(given):
        return keys, "backend-path is no list of strings; correct or remove it", ""
    for item in given:
        if not _is_inside(directory, item):
            why = f"backend-path {show(item)} lies outside the project, which pip"
            return keys, f"{why} refuses; move it inside", item
    paths = (join_path(directory, item) for item in given)
    found = yield from reading.files.find(path for path in paths if path is not None)
    if any(path.trouble or not path.is_absent for path in found.values()):
        return None
    return keys, f"backend-path {show(given[0])} is not there; add or correct it", ""


def _is_inside(directory: str, path: str) -> bool:
    root = posixpath.join("/", directory)
    full = posixpath.normpath(posixpath.join(root, path))
    escapes = posixpath.normpath(path).partition("/")[0] == ".."
    is_below = bool(directory) and f"{full}/".startswith(f"{root}/")
    return not path.startswith("/") and (is_below or not escapes)
