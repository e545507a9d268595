"""Projects and archives of the repository that are installed by their path.

An editable install leaves the code where it is: sessions run what they check out. What
the image holds is the project's metadata, and the dependencies it names; so of such
a project its build files count and nothing else. Any other install copies the code
into the image: the whole directory counts.
"""

import posixpath
import re
from collections.abc import Iterable
from typing import Final

from service.definitions.links import Found, joined
from service.definitions.pyproject import (
    LocalPath,
    meaning,
    named_directories,
    named_files,
    poetry_paths,
)
from service.definitions.pythons import check_python
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.tables import read_toml
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = [
    "follow_local",
    "follow_metadata",
    "follow_named",
    "follow_paths",
]

_QUOTED: Final = re.compile(
    rb"['\"]([\w][\w./-]{0,200}\.(?:txt|in|cfg|ini|toml|lock|json|ya?ml|md|rst|py))['\"]"
)
_FILE_DIRECTIVE: Final = re.compile(rb"(?m)^[^#;\n]*?\bfile:[ \t]*([^\n]+)")
MAX_NAMES: Final = 50
"""Files that one setup.py or setup.cfg may name; real ones name a few."""


def follow_local(reading: Reading, path: str, *, is_editable: bool) -> Asking[Found]:
    """Follow a project or archive by its path from the root of the repository."""
    found = (yield from reading.files.find([path]))[path]
    if found.is_directory and is_editable:
        if path != reading.context_dir:
            reading.add(found, "project", whole=False)
        yield from follow_metadata(reading, path)
        return found
    reading.add(found, "project" if found.is_directory else "archive")
    reading.mean_bytes(found)
    if found.is_directory:
        _remark_whole(reading, path)
        yield from _remark_uninstallable(reading, path)
    return found


def follow_metadata(reading: Reading, directory: str) -> Asking[None]:
    """Follow the files that say what a project is and needs."""
    if not reading.is_new("metadata", directory):
        return
    names = ("pyproject.toml", "setup.py", "setup.cfg")
    paths = [_inside(directory, name) for name in names]
    found = yield from reading.files.find(paths)
    for path in paths:
        reading.add(found[path], "metadata")
    pyproject, setup, config = (found[path] for path in paths)
    yield from _remark_uninstallable(reading, directory)
    if not pyproject.is_absent:
        yield from _follow_pyproject(reading, directory, pyproject)
    for program, pattern in ((setup, _QUOTED), (config, _FILE_DIRECTIVE)):
        if not program.is_absent:
            yield from _follow_program(reading, directory, program, pattern)


def follow_named(
    reading: Reading, directory: str, names: Iterable[str]
) -> Asking[None]:
    """Follow files that a project's build reads, there or not.

    A readme only has to be there: a build copies what it says and no program reads it.
    """
    paths = {joined(directory, name) for name in names} - {directory}
    found = yield from reading.files.find(path for path in paths if path is not None)
    for path, it in found.items():
        if posixpath.basename(path).lower().startswith("readme"):
            reading.add(it, "metadata", whole=False)
            reading.mean("presence", reading.relative(path), it.entry.mode)
        else:
            reading.add(it, "metadata")
            reading.mean_bytes(it)


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
        found = yield from follow_local(reading, path, is_editable=it.is_editable)
        if found.is_absent and found.trouble is None:
            reading.remark(
                Severity.ERROR,
                "missing_include",
                f"{show(owner)} depends on {show(path)}, and there is no such file or"
                " directory; the build would fail. Add it, or drop the dependency.",
                path=owner,
            )


def _follow_pyproject(
    reading: Reading, directory: str, pyproject: Found
) -> Asking[None]:
    document = yield from read_toml(reading, pyproject)
    if document is None:
        return
    read = meaning(document, installer="", is_built=True)
    reading.mean("metadata", reading.relative(pyproject.path), read)
    yield from follow_named(reading, directory, named_files(document))
    check_python(reading, pyproject.path, document)
    for name in named_directories(document):
        path = joined(directory, name)
        if path is not None:
            it = yield from reading.take(path, "metadata")
            reading.mean_bytes(it)
    yield from follow_paths(reading, directory, pyproject.path, poetry_paths(document))


def _follow_program(
    reading: Reading, directory: str, program: Found, pattern: re.Pattern[bytes]
) -> Asking[None]:
    """Count a build program with its bytes, and the files it seems to read."""
    raw = yield from reading.read(program)
    if raw is None:
        return
    reading.mean_bytes(program)
    names: set[str] = set()
    for match in pattern.findall(raw):
        parts = match.decode("utf-8", "surrogateescape").split(",")
        names.update(part.strip() for part in parts if part.strip())
    if len(names) > MAX_NAMES:
        reading.give_up(
            program.path,
            "too_many_files",
            f"{show(program.path)} names more than {MAX_NAMES} files",
        )
        return
    yield from follow_named(reading, directory, names)


def _remark_whole(reading: Reading, path: str) -> None:
    reading.remark(
        Severity.NOTE,
        "whole_directory",
        f"The code in {show(reading.relative(path))} is installed into the image, so"
        " every commit that touches it makes a new one; install it editable (-e) to"
        " rebuild only when its metadata changes.",
        path=path,
    )


def _remark_uninstallable(reading: Reading, directory: str) -> Asking[None]:
    names = [_inside(directory, name) for name in ("pyproject.toml", "setup.py")]
    found = yield from reading.files.find(names)
    if all(it.is_absent for it in found.values()):
        reading.remark(
            Severity.ERROR,
            "not_installable",
            f"{show(reading.relative(directory))} is to be installed, and has neither"
            " pyproject.toml nor setup.py; the build would fail. Add one of them.",
            path=directory,
        )


def _inside(directory: str, name: str) -> str:
    return posixpath.join(directory, name) if directory else name
