"""Projects and archives of the repository that are installed by their path.

The code of a project counts (`service.definitions.code`), editable or not. What its
build files say is read as well: the projects that it depends on, and what would fail.
"""

import posixpath
import re
from collections.abc import Iterable
from typing import Final

from service.definitions.code import follow_code, remark_outward
from service.definitions.links import Found, joined
from service.definitions.pyproject import (
    LocalPath,
    leads_out,
    meaning,
    poetry_paths,
    project_meaning,
    takes_history,
)
from service.definitions.pythons import check_python
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.tables import Table, read_toml
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = [
    "follow_local",
    "follow_paths",
    "follow_project",
]

_HISTORY: Final = re.compile(
    rb"use_scm_version|setuptools_scm|versioneer|\bpbr\b|['\"]git['\"]"
    rb"|\bgit (?:describe|rev-parse|log)\b"
)
"""What a setup.py says that takes its version from git."""


def follow_local(reading: Reading, path: str) -> Asking[Found]:
    """Follow a project or archive by its path from the root of the repository."""
    found = (yield from reading.files.find([path]))[path]
    if found.is_directory:
        if found.real:
            reading.add(found, "project", whole=False)
        yield from follow_project(reading, found.real)
        return found
    reading.add(found, "archive")
    reading.mean_bytes(found)
    return found


def follow_project(
    reading: Reading, directory: str, *, understood: Iterable[str] = ()
) -> Asking[None]:
    """Follow a project that is built and installed: its code and what that pulls in.

    Args:
        reading: What it is added to.
        directory: The real path of its directory.
        understood: Names in it that are read elsewhere, for what they mean.
    """
    if not reading.is_new("project", directory):
        return
    names = ("pyproject.toml", "setup.py")
    paths = [_inside(directory, name) for name in names]
    found = yield from reading.files.find(paths)
    pyproject, setup = (found[path] for path in paths)
    for it in (pyproject, setup):
        reading.add(it, "metadata")
    _remark_uninstallable(reading, directory, (pyproject, setup))
    document = None
    if not pyproject.is_absent:
        document = yield from _follow_pyproject(reading, directory, pyproject)
    if setup.is_file:
        raw = yield from reading.files.content(setup.entry.oid, setup.real)
        if raw is None or _HISTORY.search(raw):
            _remark_history(reading, setup.path)
    read = {"pyproject.toml", *understood} if document is not None else {*understood}
    yield from follow_code(reading, directory, understood=frozenset(read))
    _remark_code(reading, directory)


def follow_paths(
    reading: Reading, directory: str, owner: str, paths: Iterable[LocalPath]
) -> Asking[None]:
    """Follow path dependencies, which are relative to the file that names them."""
    for it in sorted(set(paths), key=lambda it: (it.path, it.is_editable)):
        if reading.is_full():
            return
        path = joined(directory, it.path)
        if path is None:
            reading.remark(
                Severity.WARNING,
                "unpinned_include",
                f"{show(owner)} depends on {show(it.path)}, which lies outside the"
                " repository, so a change there is not noticed and a build may not"
                " find it; move it into the repository.",
                path=owner,
            )
            continue
        if it.is_virtual:
            yield from _follow_virtual(reading, path)
            continue
        found = yield from follow_local(reading, path)
        if found.is_absent and found.trouble is None:
            follows = "the build would fail" if it.is_needed else "no build needs it"
            reading.remark(
                Severity.ERROR if it.is_needed else Severity.WARNING,
                "missing_include",
                f"{show(owner)} depends on {show(path)}, and there is no such file or"
                f" directory; {follows}. Add it, or drop the dependency.",
                path=owner,
            )


def _follow_virtual(reading: Reading, directory: str) -> Asking[None]:
    """Follow a project that is not installed, and says what is."""
    found = yield from reading.take(_inside(directory, "pyproject.toml"), "metadata")
    document = yield from read_toml(reading, found)
    if document is not None:
        read = meaning(document, installer="uv", is_built=False)
        reading.mean("metadata", reading.relative(found.path), read)


def _follow_pyproject(
    reading: Reading, directory: str, pyproject: Found
) -> Asking[Table | None]:
    document = yield from read_toml(reading, pyproject)
    if document is None:
        return None
    read = project_meaning(document)
    reading.mean("project", reading.relative(pyproject.path), read)
    check_python(reading, pyproject.path, document)
    if takes_history(document):
        _remark_history(reading, pyproject.path)
    if directory and leads_out(document):
        remark_outward(reading, directory, pyproject.path)
    yield from follow_paths(reading, directory, pyproject.path, poetry_paths(document))
    return document


def _remark_history(reading: Reading, path: str) -> None:
    reading.count_commit()
    reading.remark(
        Severity.NOTE,
        "version_from_history",
        f"{show(path)} takes the version from git's history, so every commit counts as"
        " a change. A build has one commit and no tags; write the version down to have"
        " the one you mean.",
        path=path,
    )


def _remark_code(reading: Reading, directory: str) -> None:
    where = reading.relative(directory)
    place = "this directory" if where == "." else show(where)
    reading.remark(
        Severity.NOTE,
        "whole_directory",
        f"The project in {place} is installed and the image holds its code, so every"
        " commit that touches the directory makes a new image. Keep what is installed"
        " in a directory of its own, or do not install it, to have fewer.",
        path=directory,
    )


def _remark_uninstallable(
    reading: Reading, directory: str, found: tuple[Found, Found]
) -> None:
    if all(it.is_absent for it in found):
        reading.remark(
            Severity.ERROR,
            "not_installable",
            f"{show(reading.relative(directory))} is to be installed, and has neither"
            " pyproject.toml nor setup.py; the build would fail. Add one of them.",
            path=directory,
        )


def _inside(directory: str, name: str) -> str:
    return posixpath.join(directory, name) if directory else name
