"""What poetry, and the buildpack that runs it, refuse or quietly leave out.

Every rule was tried with poetry 1.8.3 and with a poetry 2; where they differ, the
major version of the one that is configured decides.
"""

from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.links import Found, joined
from service.definitions.locks import is_poetry_lock_stale
from service.definitions.poetry_dependencies import check_dependencies
from service.definitions.poetry_package import check_package
from service.definitions.poetry_project import PoetryProject
from service.definitions.poetry_sources import check_sources
from service.definitions.poetry_table import misfits
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.tables import Table, table, text, texts
from service.definitions.toml_lines import TomlLines
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = ["check_poetry", "check_poetry_lock"]

_REQUIRED: Final = ("name", "version", "description", "authors")
MAX_MISFITS: Final = 20
"""Findings about the form of one table; who has more of them knows what to do."""
MAX_NAMED: Final = 8
"""Dependencies that one sentence writes out."""


def check_poetry(reading: Reading, found: Found, document: Table) -> Asking[None]:
    """Say what a person should know of a project that poetry is to install."""
    raw = yield from reading.files.content(found.entry.oid, found.real)
    project = PoetryProject(
        reading=reading, found=found, document=document, lines=TomlLines(raw or b"")
    )
    has_table = _check_table(project)
    has_python = _check_python(project)
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
        f" [tool.poetry] table; {_mend(project)}, or commit a uv.lock to build with uv,"
        " or list the packages in a requirements.txt",
        "project",
    )
    return False


def _check_python(project: PoetryProject) -> bool:
    """The buildpack takes a pyproject.toml for poetry's only if it names a Python."""
    wanted = table(project.poetry, "dependencies")
    has_python = any(name.lower() == "python" for name in wanted)
    if has_python or "requires-python" in project.project:
        return True
    project.error(
        "python_missing",
        "it names no Python version, so the build does not recognise it; add"
        ' python = "^3.12" under [tool.poetry.dependencies]',
        "tool",
        "poetry",
    )
    return False


def _check_required(project: PoetryProject) -> bool:
    """Say what version 1 misses in the table; of a Poetry 2 project that is most."""
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
    """The build installs the group `main`, which only exists if something names it."""
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
        f" which does not read [project]: {why}; {_mend(project)}",
        "project",
    )


def _mend(project: PoetryProject) -> str:
    """Write the lines with which version 1 installs the dependencies."""
    lines = []
    if project.poetry.get("package-mode") is not False:
        lines.append("package-mode = false")
    if "dependencies" not in project.poetry:
        wanted = text(project.project.get("requires-python")) or ">=3.10"
        rows = [f'python = "{show(wanted)}"', *_dependencies(project)]
        lines.append(f"dependencies = {{ {', '.join(rows)} }}")
    return f"add under [tool.poetry]: {' and '.join(lines)}"


def _dependencies(project: PoetryProject) -> list[str]:
    rows = []
    wanted = texts(project.project.get("dependencies"))
    for requirement in wanted[:MAX_NAMED]:
        try:
            row = _dependency(Requirement(requirement))
        except InvalidRequirement:
            continue
        rows.append(row)
    return [*rows, "…"] if len(wanted) > MAX_NAMED else rows


def _dependency(asked: Requirement) -> str:
    version = str(asked.specifier) or "*"
    if asked.url:
        key = "git" if asked.url.startswith("git+") else "url"
        fields = [f'{key} = "{show(asked.url.removeprefix("git+"))}"']
    else:
        fields = [f'version = "{version}"']
    if asked.extras:
        names = ", ".join(f'"{extra}"' for extra in sorted(asked.extras))
        fields.append(f"extras = [{names}]")
    if asked.marker:
        fields.append(f"markers = '{str(asked.marker).replace(chr(39), chr(34))}'")
    if len(fields) == 1 and not asked.url:
        return f'{asked.name} = "{version}"'
    return f"{asked.name} = {{ {', '.join(fields)} }}"


def _check_form(project: PoetryProject) -> bool:
    """Say what is wrong with the form of the table; the rest needs a right one."""
    found = list(misfits(project.poetry, major=project.major))
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
    """Say what version 2 misses in both tables."""
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
    """Name the dependencies of [project] that version 1 leaves out."""
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


def check_poetry_lock(reading: Reading, document: Table, lock: Table) -> None:
    """Say why poetry would refuse a lock.

    Version 1 reads locks of version 2, and warns; a digest that does not fit ends both.
    """
    metadata = table(lock, "metadata")
    version = text(metadata.get("lock-version")) or "1.0"
    is_modern = reading.tools.reads_project
    if "metadata" not in lock:
        code, why = "lock_schema", "has no [metadata]"
    elif not version.startswith(("1.", "2.")):
        code, why = "lock_schema", f"has lock-version {show(version)}"
    elif is_poetry_lock_stale(document, lock, is_modern=is_modern):
        code, why = "stale_lock", "was not made from this pyproject.toml"
    else:
        return
    path = joined(reading.context_dir, "poetry.lock") or "poetry.lock"
    reading.remark(
        Severity.ERROR,
        code,
        f"{show(path)} {why}, and poetry {reading.tools.poetry} refuses it; run"
        " `poetry lock` with that version and commit the result. The build would fail.",
        path=path,
        line=1,
    )
