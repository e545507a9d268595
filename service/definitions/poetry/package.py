"""Checks of the package that poetry builds from the project itself."""

import posixpath
import re
from collections.abc import Iterable, Iterator

from service.definitions.formats.globs import Globs, Match, check_pattern
from service.definitions.formats.toml_json import Table, list_tables, table, text
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.poetry.metadata import check_metadata
from service.definitions.poetry.project import PoetryProject, package_name
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["check_package", "default_paths"]

_PATTERN = re.compile(r"[*?\[]")


def check_package(project: PoetryProject) -> Asking[None]:
    """Check the package files and the metadata as poetry does.

    https://python-poetry.org/docs/pyproject/#packages
    """
    if not (project.is_package and (yield from check_metadata(project))):
        return
    _check_scripts(project)
    if not project.is_modern:
        _check_extras(project)
    yield from _check_build_script(project)
    _check_includes(project)
    globs = Globs(project.reading)
    packages = list_tables(project.poetry.get("packages"))
    if packages:
        _check_name(project)
        yield from _check_named(project, globs, packages)
    else:
        yield from _check_default(project, globs)


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


def _check_extras(project: PoetryProject) -> None:
    for name in table(project.poetry, "extras"):
        if re.search(r"[\s,|]", name):
            project.error(
                "extra_invalid",
                f"{show(repr(name))} is no name of an extra; write one word",
                "tool",
                "poetry",
                "extras",
                name,
            )


def _check_build_script(project: PoetryProject) -> Asking[None]:
    """Check that the script is there which poetry runs before it installs."""
    build = project.poetry.get("build")
    name = text(build) or text(table(build).get("script"))
    path = join_path(project.reading.context_dir, name) if name else None
    if name is None:
        return
    is_there = False
    if path is not None:
        found = (yield from project.reading.files.find([path]))[path]
        project.reading.add(found, "code", whole=False)
        is_there = not found.is_absent
    if not is_there:
        project.error(
            "build_script_missing",
            f"the build script {show(name)} is named and not there; commit it, or"
            " remove the key",
            "tool",
            "poetry",
            "build",
        )


def _check_named(
    project: PoetryProject, globs: Globs, packages: tuple[Table, ...]
) -> Asking[None]:
    for place, package in enumerate(packages):
        include = text(package.get("include")) or ""
        if why := check_pattern(include):
            _refuse(project, place, f"{show(repr(include))} {why}")
            continue
        source = text(package.get("from")) or ""
        path = posixpath.join(source, include)
        if not _PATTERN.search(path):
            yield from _look(project, [path])
        base = join_path(project.reading.context_dir, source)
        found = () if base is None else (yield from globs.find(base, include))
        if found is None:
            continue
        if not found:
            why = (
                f"{show(path)} is not there; commit it, correct the entry, or write"
                " package-mode = false under [tool.poetry] if this is no package"
            )
            _refuse(project, place, why)
        elif not (yield from _is_package(globs, found)):
            _refuse(project, place, f"{show(path)} {_NO_PACKAGE}")


_NO_PACKAGE = (
    "holds no Python file, so it is no package; write package-mode = false under"
    " [tool.poetry] if there is none"
)


def _is_package(globs: Globs, found: tuple[Match, ...]) -> Asking[bool]:
    """Return whether poetry treats the matches of an entry as a package or a module."""
    if found[1:]:
        name = posixpath.basename(posixpath.dirname(found[0].path))
        stubs = tuple(match for match in found if not match.is_directory)
        return any(match.name.endswith(".py") for match in found) or _is_stubs(
            name, stubs
        )
    if not found[0].is_directory:
        return True
    if (yield from globs.has_file(found[0].path, (".py",))):
        return True
    files = yield from globs.files(found[0].path)
    return files is None or _is_stubs(found[0].name, files)


def _is_stubs(name: str, files: tuple[Match, ...]) -> bool:
    """Return whether files are a stub package: https://peps.python.org/pep-0561/."""
    return name.endswith("-stubs") and all(
        file.name.endswith(".pyi") or file.name == "py.typed" for file in files
    )


def _check_includes(project: PoetryProject) -> None:
    """Report invalid patterns of `include`; one without a match does no harm."""
    included = project.poetry.get("include")
    for place, entry in enumerate(included if isinstance(included, list) else []):
        pattern = (
            text(entry) if isinstance(entry, str) else text(table(entry).get("path"))
        )
        why = check_pattern(pattern) if pattern is not None else ""
        if why:
            project.error(
                "include_invalid",
                f"of the files to include, {show(repr(pattern))} {why}",
                "tool",
                "poetry",
                "include",
                str(place),
                word=pattern or "include",
            )


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


def _check_name(project: PoetryProject) -> None:
    """Report a name that no file can have: poetry writes files of that name."""
    name = package_name(project.reading, project.document) or ""
    if "/" in name or "\0" in name:
        project.error(
            "name_invalid",
            f"{show(repr(name))} is no name of a package that can be installed; write"
            " letters, digits, - and _",
            "tool",
            "poetry",
            "name",
        )


def _check_default(project: PoetryProject, globs: Globs) -> Asking[None]:
    name = package_name(project.reading, project.document)
    if not name:
        return
    module = re.sub(r"[-_.]+", "_", name.lower())
    looked = yield from _look(project, default_paths(name))
    _check_doubled(project, module, looked.values())
    taken = _taken(looked.values())
    if taken is not None:
        _check_name(project)
        match = Match(path=taken.real, is_directory=taken.is_directory)
        if not (yield from _is_package(globs, (match,))):
            message = f"{show(taken.path)} {_NO_PACKAGE}"
            project.error("package_missing", message, "tool", "poetry", "name")
        return
    if any(found.trouble is not None for found in looked.values()):
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


def _taken(looked: Iterable[ResolvedPath]) -> ResolvedPath | None:
    """Return the directory or module that poetry installs as the package."""
    for found in looked:
        is_module = found.path.endswith(".py")
        if found.is_file if is_module else found.is_directory:
            return found
    return None


def default_paths(name: str) -> Iterator[str]:
    """Yield the paths where poetry expects the package of a project of this name."""
    module = re.sub(r"[-_.]+", "_", name.lower())
    for path in (module, f"src/{module}"):
        yield from (path, f"{path}.py")


def _check_doubled(
    project: PoetryProject, module: str, looked: Iterable[ResolvedPath]
) -> None:
    existing = {found.path for found in looked if not found.is_absent}
    for path in sorted(existing):
        if f"{path}.py" in existing:
            project.error(
                "package_doubled",
                f"{show(path)} and {show(path)}.py both exist, and either may be the"
                f" package {show(module)}; remove one",
                "tool",
                "poetry",
                "name",
            )


def _look(
    project: PoetryProject, names: Iterable[str]
) -> Asking[dict[str, ResolvedPath]]:
    """Add the paths that poetry checks to the closure, present or absent."""
    reading = project.reading
    joint = (join_path(reading.context_dir, name) for name in names)
    paths = [path for path in joint if path is not None]
    answered = yield from reading.files.find(paths)
    looked = {path: answered[path] for path in paths}
    for path, found in looked.items():
        reading.add(found, "package", whole=False)
        # Where none is there, nothing is installed, whatever it would be called.
        if not found.is_absent or found.trouble is not None:
            kind = "directory" if found.is_directory else found.entry.mode
            reading.mean("package", reading.relative(path), kind)
    return looked
