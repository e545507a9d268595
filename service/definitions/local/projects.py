"""Projects and archives of the repository that are installed by path.

The code of a project counts (`service.definitions.local.code`), editable or not. Its
build files are parsed as well, for path dependencies and for errors.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.formats.local_paths import LocalPath, poetry_paths
from service.definitions.formats.project_meaning import meaning, project_meaning
from service.definitions.formats.pyproject import names_outside
from service.definitions.formats.toml_json import Table, read_toml, table, text
from service.definitions.formats.tool_tables import has_known_builders, takes_history
from service.definitions.local.build_programs import (
    BuildPrograms,
    read_programs,
    remark_history,
)
from service.definitions.local.build_system import check_build, is_project
from service.definitions.local.code import follow_code, follow_directory, remark_outward
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.python.versions import check_python, from_poetry
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = [
    "follow_archives",
    "follow_local",
    "follow_paths",
    "follow_project",
]

_IN_SETUP: Final = re.compile(rb"\bpython_requires\s*=\s*['\"]([^'\"]+)['\"]")
_IN_CFG: Final = re.compile(rb"^python[_-]requires\s*[=:]\s*(\S.*)$", re.MULTILINE)
"""The supported Pythons in setup.py and setup.cfg."""


def follow_local(
    reading: Reading, path: str, *, is_by_pip: bool = False
) -> Asking[ResolvedPath]:
    """Follow a project or archive by its path from the root of the repository."""
    found = (yield from reading.files.find([path]))[path]
    if found.is_directory:
        if found.real:
            reading.add(found, "project", whole=False)
        yield from follow_project(reading, found.real, is_by_pip=is_by_pip)
        return found
    reading.add(found, "archive")
    reading.mean_bytes(found)
    return found


def follow_project(
    reading: Reading,
    directory: str,
    *,
    understood: Iterable[str] = (),
    is_locked: bool = False,
    is_by_pip: bool = False,
) -> Asking[None]:
    """Follow a project that is built and installed: its code and its dependencies.

    Args:
        reading: The closure.
        directory: The resolved path of its directory.
        understood: Names in it that are parsed elsewhere, for their meaning.
        is_locked: Whether a lock decides what is installed beside it.
        is_by_pip: Whether pip builds it, so that its build files are checked as well.
    """
    if not reading.is_new("project", directory):
        return
    reading.optional.enter(reading.relative(directory))
    names = ("pyproject.toml", "setup.py", "setup.cfg", "hatch.toml")
    paths = [_inside(directory, name) for name in names]
    found = yield from reading.files.find(paths)
    pyproject, setup, cfg, _ = (found[path] for path in paths)
    for value in (pyproject, setup):
        reading.add(value, "metadata")
    files = yield from _contents(reading, found)
    programs = yield from read_programs(reading, directory, files)
    if programs.historian is not None:
        remark_history(reading, _inside(directory, programs.historian))
    document = None
    if not pyproject.is_absent:
        document = yield from _follow_pyproject(
            reading, directory, pyproject, programs, is_locked=is_locked
        )
    if is_by_pip and document is not None:
        yield from check_build(reading, directory, pyproject, document)
    _check_setup(reading, setup.path, files.get("setup.py"), _IN_SETUP)
    _check_setup(reading, cfg.path, files.get("setup.cfg"), _IN_CFG)
    read = {"pyproject.toml", *understood} if document is not None else {*understood}
    yield from follow_code(
        reading, directory, programs=programs, understood=frozenset(read)
    )
    _remark_code(reading, directory)


def follow_paths(
    reading: Reading,
    directory: str,
    owner: str,
    paths: Iterable[LocalPath],
    *,
    is_code_of_all: bool = True,
) -> Asking[None]:
    """Follow path dependencies, which are relative to the file that names them.

    Args:
        reading: The closure.
        directory: The directory of the file that names them.
        owner: The path of that file.
        paths: The dependencies.
        is_code_of_all: Whether those count, too, that a build does not need.
    """
    for local_path in sorted(
        set(paths), key=lambda item: (item.path, item.is_editable)
    ):
        if reading.is_full():
            return
        path = join_path(directory, local_path.path)
        if path is None:
            line = yield from _line_of(reading, owner, local_path.path)
            _remark_outside(reading, owner, local_path, line)
            continue
        if local_path.is_virtual:
            yield from _follow_virtual(reading, path)
            continue
        if local_path.is_needed or is_code_of_all:
            found = yield from follow_local(reading, path)
            if found.is_directory and not (yield from is_project(reading, found.real)):
                line = yield from _line_of(reading, owner, local_path.path)
                _remark_uninstallable(reading, owner, local_path, found.real, line)
        else:
            found = (yield from reading.files.find([path]))[path]
        if found.is_absent and found.trouble is None:
            follows = (
                "the build would fail" if local_path.is_needed else "no build needs it"
            )
            reading.remark(
                Severity.ERROR if local_path.is_needed else Severity.WARNING,
                "missing_include",
                f"{show(owner)} depends on {show(path)}, and there is no such file or"
                f" directory; {follows}. Add it, or drop the dependency.",
                path=owner,
                line=(yield from _line_of(reading, owner, local_path.path)),
            )


def follow_archives(
    reading: Reading, owner: str, paths: Iterable[LocalPath]
) -> Asking[None]:
    """Follow directories of archives, which are relative to the context directory."""
    for item in sorted(set(paths), key=lambda item: (item.path, item.is_needed)):
        path = join_path(reading.context_dir, item.path)
        if path is None or reading.is_full():
            continue
        found = (yield from reading.files.find([path]))[path]
        yield from follow_directory(reading, found, "archives")
        if found.is_absent and found.trouble is None and item.is_needed:
            reading.remark(
                Severity.ERROR,
                "missing_include",
                f"{show(owner)} names {show(path)} under find-links, and there is no"
                " such directory; the build would fail. Add it, or drop it.",
                path=owner,
                line=(yield from _line_of(reading, owner, item.path)),
            )


def _line_of(reading: Reading, owner: str, named: str) -> Asking[int | None]:
    """Return the first line of a file that has a path as a string of its own."""
    found = (yield from reading.files.find([owner]))[owner]
    if not found.is_file:
        return None
    raw = yield from reading.files.content(found.entry.oid, found.real)
    strings = tuple(f"{quote}{named}{quote}" for quote in "\"'")
    lines = (raw or b"").decode("utf-8", "replace").splitlines()
    return next(
        (
            number
            for number, line in enumerate(lines, start=1)
            if any(string in line for string in strings)
        ),
        None,
    )


def _remark_outside(
    reading: Reading, owner: str, local_path: LocalPath, line: int | None
) -> None:
    """Report a path outside the repository, of which a build has only the closure."""
    follows = "finds nothing" if local_path.is_needed else "needs nothing"
    reading.remark(
        Severity.ERROR if local_path.is_needed else Severity.WARNING,
        "outside_repository",
        f"{show(owner)} depends on {show(local_path.path)}, which lies outside the"
        f" repository, where a build {follows}; copy it into the repository.",
        path=owner,
        line=line,
    )


def _follow_virtual(reading: Reading, directory: str) -> Asking[None]:
    """Follow a virtual project, of which only the dependencies are installed."""
    found = yield from reading.take(_inside(directory, "pyproject.toml"), "metadata")
    document = yield from read_toml(reading, found, is_of_uv=True)
    if document is not None:
        read = meaning(document, installer="uv", is_built=False)
        reading.mean("metadata", reading.relative(found.path), read)


def _follow_pyproject(
    reading: Reading,
    directory: str,
    pyproject: ResolvedPath,
    programs: BuildPrograms,
    *,
    is_locked: bool,
) -> Asking[Table | None]:
    document = yield from read_toml(reading, pyproject)
    if document is None:
        return None
    read = project_meaning(document, is_locked=is_locked, is_read=programs.reads_tables)
    reading.mean("project", reading.relative(pyproject.path), read)
    if not is_locked and has_known_builders(document):
        reading.optional.offer(reading.relative(directory), document)
    check_python(reading, pyproject.path, _python_of(document))
    if takes_history(document):
        remark_history(reading, pyproject.path)
    if directory and names_outside(document):
        remark_outward(reading, directory, pyproject.path)
    yield from follow_paths(reading, directory, pyproject.path, poetry_paths(document))
    return document


def _contents(
    reading: Reading, found: Mapping[str, ResolvedPath]
) -> Asking[dict[str, bytes | None]]:
    """Read the files that exist, by their names."""
    contents = {}
    for path, item in found.items():
        if item.is_file:
            raw = yield from reading.files.content(item.entry.oid, item.real)
            contents[posixpath.basename(path)] = raw
    return contents


def _python_of(document: Table) -> str | None:
    """Return the Pythons that a project supports, by its pyproject.toml."""
    wanted = text(table(document, "project").get("requires-python"))
    poetry = table(document, "tool", "poetry", "dependencies")
    return wanted or from_poetry(text(poetry.get("python")))


def _check_setup(
    reading: Reading, path: str, raw: bytes | None, pattern: re.Pattern[bytes]
) -> None:
    if match := pattern.search(raw or b""):
        check_python(reading, path, match[1].decode("utf-8", "replace").strip())


def _remark_code(reading: Reading, directory: str) -> None:
    where = reading.relative(directory)
    name = "this directory" if where == "." else show(where)
    reading.remark(
        Severity.NOTE,
        "whole_directory",
        f"The project in {name} is installed and the image holds its code, so every"
        " commit that touches the directory makes a new image. Keep what is installed"
        " in a directory of its own, or do not install it, to have fewer.",
        path=directory,
    )


def _remark_uninstallable(
    reading: Reading, owner: str, named: LocalPath, directory: str, line: int | None
) -> None:
    follows = "the build would fail" if named.is_needed else "no build needs it"
    reading.remark(
        Severity.ERROR if named.is_needed else Severity.WARNING,
        "not_installable",
        f"{show(reading.relative(directory))} is to be installed, and has neither"
        f" a file pyproject.toml nor setup.py; {follows}. Add one.",
        path=owner,
        line=line,
    )


def _inside(directory: str, name: str) -> str:
    return posixpath.join(directory, name) if directory else name
