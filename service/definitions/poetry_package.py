"""What poetry needs to install the project itself, as a package."""

import posixpath
import re
from collections.abc import Iterable, Iterator

from service.definitions.links import Found, joined
from service.definitions.poetry_project import PoetryProject
from service.definitions.questions import Asking
from service.definitions.tables import Table, table, tables, text, texts
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = ["check_package", "default_places"]

_AUTHOR = re.compile(r"[\w\s.,'’\"():&-]+(?: <.+>)?")  # noqa: RUF001 - a sign of names
_PATTERN = re.compile(r"[*?\[]")


def check_package(project: PoetryProject) -> Asking[None]:
    """Look for the package as poetry does, and at what it copies into metadata.

    https://python-poetry.org/docs/pyproject/#packages
    """
    if not project.is_package:
        return
    _check_people(project)
    _check_scripts(project)
    if project.is_modern:
        yield from _check_readme(project)
    packages = tables(project.poetry.get("packages"))
    if packages:
        yield from _check_named(project, packages)
    else:
        yield from _check_default(project)


def _check_people(project: PoetryProject) -> None:
    for key in ("authors", "maintainers"):
        people = texts(project.poetry.get(key))
        if people and not _AUTHOR.fullmatch(people[0]):
            project.error(
                "author_invalid",
                f"{show(repr(people[0]))} is no name that poetry reads; write it as"
                ' "Name Surname <name@example.org>"',
                "tool",
                "poetry",
                key,
            )


def _check_scripts(project: PoetryProject) -> None:
    for owner, keys in (
        (project.poetry, ("tool", "poetry", "scripts")),
        (project.project if project.is_modern else {}, ("project", "scripts")),
    ):
        for name, script in table(owner, "scripts").items():
            called = text(script)
            if isinstance(script, dict) and script.get("type") != "file":
                called = text(script.get("reference") or script.get("callable"))
            if called and called.count(":") != 1:
                project.error(
                    "script_invalid",
                    f"the script {show(name)} calls {show(repr(called))}; poetry wants"
                    ' a module and a function, such as "demo.main:run"',
                    *keys,
                    name,
                )


def _check_readme(project: PoetryProject) -> Asking[None]:
    """Version 2 fails without the README that is named; version 1 does not look."""
    names = [*texts(project.poetry.get("readme"))]
    readme = project.project.get("readme")
    names += texts(readme) or texts(table(readme).get("file"))
    places = {joined(project.reading.context_dir, name): name for name in names}
    found = yield from project.reading.files.find(path for path in places if path)
    for path, name in places.items():
        if path and found[path].is_absent:
            project.reading.add(found[path], "metadata", whole=False)
            project.error(
                "readme_missing",
                f"the README {show(name)} is named and not there; add it, or remove"
                " the key",
                "project",
                "readme",
                word=name,
            )


def _check_named(project: PoetryProject, packages: tuple[Table, ...]) -> Asking[None]:
    for place, package in enumerate(packages):
        include = text(package.get("include")) or ""
        if include.startswith("/"):
            _refuse(project, place, f"{show(include)} begins with /; make it relative")
            continue
        path = posixpath.join(text(package.get("from")) or "", include)
        if _PATTERN.search(path):
            continue
        looked = yield from _look(project, [path])
        if looked and all(found.is_absent for found in looked.values()):
            why = (
                f"{show(path)} is not there; commit it, correct the entry, or write"
                " package-mode = false under [tool.poetry] if this is no package"
            )
            _refuse(project, place, why)


def _refuse(project: PoetryProject, place: int, why: str) -> None:
    project.error(
        "package_missing",
        f"of the packages to install, {why}",
        "tool",
        "poetry",
        "packages",
        str(place),
        word="include",
    )


def _check_default(project: PoetryProject) -> Asking[None]:
    name = text(project.project.get("name")) if project.is_modern else None
    name = name or text(project.poetry.get("name"))
    if not name:
        return
    module = re.sub(r"[-_.]+", "_", name.lower())
    places = list(default_places(name))
    looked = yield from _look(project, places)
    _check_doubled(project, module, looked.values())
    if not looked or any(not found.is_absent for found in looked.values()):
        return
    keys = ("tool", "poetry", "name")
    message = (
        f"it describes a package, and {show(module)} is not there; write package-mode"
        " = false under [tool.poetry] if this is no package"
    )
    if project.is_modern:
        project.error("package_mode_missing", message, *keys)
        return
    message = (
        f"{message} (poetry {project.version} installs the dependencies and warns,"
        " poetry 2 fails)"
    )
    project.remark(Severity.WARNING, "package_mode_missing", message, *keys)


def default_places(name: str) -> Iterator[str]:
    """Yield where poetry looks for the package of a project of this name."""
    module = re.sub(r"[-_.]+", "_", name.lower())
    for place in (module, f"src/{module}"):
        yield from (place, f"{place}.py")


def _check_doubled(
    project: PoetryProject, module: str, looked: Iterable[Found]
) -> None:
    there = {found.path for found in looked if not found.is_absent}
    for path in sorted(there):
        if f"{path}.py" in there:
            project.error(
                "package_doubled",
                f"{show(path)} and {show(path)}.py are both there, and poetry cannot"
                f" tell which one is the package {show(module)}; remove one",
                "tool",
                "poetry",
                "name",
            )


def _look(project: PoetryProject, places: Iterable[str]) -> Asking[dict[str, Found]]:
    """Make what poetry looks for part of the closure, present or not."""
    reading = project.reading
    paths = {joined(reading.context_dir, place) for place in places}
    looked = yield from reading.files.find(path for path in paths if path is not None)
    for path, found in looked.items():
        reading.add(found, "package", whole=False)
        kind = "directory" if found.is_directory else found.entry.mode
        reading.mean("package", reading.relative(path), kind)
    return dict(looked)
