"""Checks of what poetry, and the buildpack that runs it, refuse or silently skip.

Every rule was tried with poetry 1.8.3 and with a poetry 2; where they differ, the
major version of the one that is configured decides.
"""

from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import Table, table, text, texts
from service.definitions.formats.toml_lines import TomlLines
from service.definitions.paths import ResolvedPath
from service.definitions.poetry.dependencies import check_dependencies
from service.definitions.poetry.misfits import find_misfits
from service.definitions.poetry.package import check_package
from service.definitions.poetry.project import PoetryProject
from service.definitions.poetry.sources import check_sources
from service.definitions.poetry.suggestion import (
    ANY_PYTHON,
    MAX_NAMED,
    is_suggested,
    suggest_lines,
)
from service.definitions.python.interpreters import check_poetry_interpreter
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["check_poetry"]

_REQUIRED: Final = ("name", "version", "description", "authors")
MAX_MISFITS: Final = 20
"""Findings about the schema of one table; more would not help."""


def check_poetry(
    reading: Reading, found: ResolvedPath, document: Table
) -> Asking[None]:
    """Report problems of a project that poetry installs."""
    raw = yield from reading.files.content(found.entry.oid, found.real)
    project = PoetryProject(
        reading=reading, found=found, document=document, lines=TomlLines(raw or b"")
    )
    has_table = _check_table(project)
    has_python = has_table and _check_python(project)
    _check_interpreter(project)
    if not has_table:
        return
    if project.is_modern:
        _check_project(project)
    elif not _check_required(project):
        return
    if has_python:
        _check_main_group(project)
    if _check_form(project):
        check_dependencies(project)
        check_sources(project)
        yield from check_package(project)
    if not project.is_modern:
        _remark_dropped(project)


def _check_table(project: PoetryProject) -> bool:
    tool = table(project.document, "tool")
    if isinstance(tool.get("poetry"), dict):
        return True
    if project.is_modern and "project" in project.document and "poetry" not in tool:
        return True
    project.error(
        "poetry_table_missing",
        f"it is handed to poetry {project.version}, which installs it only with a"
        f" [tool.poetry] table; {suggest_lines(project)}, or commit a uv.lock to"
        " build with uv,"
        " or list the packages in a requirements.txt",
        "project",
    )
    return False


def _check_python(project: PoetryProject) -> bool:
    """Check the Python version, without which the buildpack does not detect poetry."""
    wanted = table(project.poetry, "dependencies")
    has_python = any(name.lower() == "python" for name in wanted)
    if has_python or "requires-python" in project.project or is_suggested(project):
        return True
    project.error(
        "python_missing",
        "it names no Python version, so the build does not recognise it; add"
        f' python = "{ANY_PYTHON}" under [tool.poetry.dependencies]',
        "tool",
        "poetry",
    )
    return False


def _check_interpreter(project: PoetryProject) -> None:
    wanted = text(table(project.poetry, "dependencies").get("python"))
    keys: tuple[str, ...] = ("tool", "poetry", "dependencies", "python")
    if wanted is None:
        wanted = text(project.project.get("requires-python"))
        keys = ("project", "requires-python")
    if wanted is not None:
        line = project.lines.line_of(*keys)
        path = project.found.path
        check_poetry_interpreter(project.reading, path, wanted, line)


def _check_required(project: PoetryProject) -> bool:
    """Check the fields that version 1 requires; a Poetry 2 project lacks most."""
    if project.poetry.get("package-mode") is False:
        return True
    missing = [key for key in _REQUIRED if key not in project.poetry]
    missing += ["name"] if project.poetry.get("name") == "" else []
    if not missing:
        return True
    if "project" in project.document:
        _remark_modern(project, f"{_listed(missing)} missing in [tool.poetry]")
        return False
    project.error(
        "poetry_fields_missing",
        f"poetry {project.version} refuses a package without {_listed(missing)} under"
        " [tool.poetry]; add them, or package-mode = false if this is no package",
        "tool",
        "poetry",
    )
    return False


def _check_main_group(project: PoetryProject) -> None:
    """Check the group `main`, which the build installs and which must be named."""
    if "dependencies" in project.poetry:
        return
    if not project.is_modern:
        if "project" in project.document:
            _remark_modern(project, "there is no [tool.poetry.dependencies]")
        return
    named = project.project
    if "dependencies" in named or named.get("optional-dependencies"):
        return
    project.error(
        "main_group_missing",
        f"it names no dependencies, so poetry {project.version} fails with “Group(s)"
        " not found: main”; add dependencies = [] under [project]",
        "project",
    )


def _remark_modern(project: PoetryProject, why: str) -> None:
    project.error(
        "poetry_2_project",
        f"this is a project for Poetry 2, and the build uses poetry {project.version},"
        f" which does not read [project]: {why}; {suggest_lines(project)}",
        "project",
    )


def _check_form(project: PoetryProject) -> bool:
    """Check the schema of the table; the other checks need a valid one."""
    found = list(find_misfits(project.poetry, major=project.major))
    for misfit in found[:MAX_MISFITS]:
        where = show(".".join(misfit.keys))
        project.error(
            "poetry_invalid",
            f"poetry {project.version} refuses tool.poetry.{where}: {misfit.why};"
            " correct or remove it",
            "tool",
            "poetry",
            *misfit.keys,
        )
    return not found


def _check_project(project: PoetryProject) -> None:
    """Report fields that version 2 requires and neither table has."""
    if "project" in project.document and "name" not in project.project:
        project.error(
            "poetry_fields_missing",
            "[project] has no name; add one",
            "project",
        )
        return
    if project.poetry.get("package-mode") is False:
        return
    missing = [
        key
        for key in ("name", "version")
        if not (project.project.get(key) or project.poetry.get(key))
    ]
    if missing:
        project.error(
            "poetry_fields_missing",
            f"poetry {project.version} refuses a package without {_listed(missing)};"
            " add them under [project], or package-mode = false under [tool.poetry]",
            "project",
        )


def _remark_dropped(project: PoetryProject) -> None:
    """Report the dependencies of [project] that version 1 does not install."""
    if "dependencies" not in project.poetry:
        return
    kept = {canonicalize_name(name) for name in table(project.poetry, "dependencies")}
    dropped = []
    for requirement in texts(project.project.get("dependencies")):
        try:
            name = Requirement(requirement).name
        except InvalidRequirement:
            continue
        if canonicalize_name(name) not in kept:
            dropped.append(name)
    if not dropped:
        return
    more = f" and {len(dropped) - MAX_NAMED} more" if len(dropped) > MAX_NAMED else ""
    names = ", ".join(show(name) for name in dropped[:MAX_NAMED])
    project.remark(
        Severity.WARNING,
        "project_dependencies_dropped",
        f"poetry {project.version} reads [tool.poetry.dependencies] and not"
        f" [project].dependencies, so {names}{more} will not be installed; name them"
        " under [tool.poetry.dependencies]",
        "project",
        "dependencies",
    )


def _listed(keys: list[str]) -> str:
    return " and ".join((", ".join(keys[:-1]), keys[-1])) if keys[1:] else keys[0]
