"""The code of local projects, which an image contains a copy of.

To install a project of the repository is to run its build and to give its code to
sessions, copied into the environment or in place (`-e`): the image contains the files
either way. So the whole directory counts, by git's object ids, without fetching its
content. Files for forges and editors are left out; a build does not get them, so none
can depend on them.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.kinds.names import RULES_ABOVE
from service.definitions.local.build_programs import UNKNOWN, BuildPrograms
from service.definitions.local.contents import Contents, is_reduced
from service.definitions.local.globs import may_take_along
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.queries import MAX_DIRECTORIES, Asking
from service.definitions.text import show
from service.domain.definition import SYMLINK, Entry
from service.domain.findings import Severity

__all__ = ["follow_code", "follow_directory", "remark_outward"]

_ASIDE: Final = frozenset(
    {
        ".circleci",
        ".devcontainer",
        ".editorconfig",
        ".forgejo",
        ".gitea",
        ".github",
        ".gitlab",
        ".gitlab-ci.yml",
        ".idea",
        ".pre-commit-config.yaml",
        ".readthedocs.yaml",
        ".readthedocs.yml",
        ".travis.yml",
        ".vscode",
    }
)
"""Entries of a project's directory that do not count. Of CHANGELOG and LICENSE the
texts do not (`service.definitions.local.enclosed`)."""

MAX_LINKS: Final = 100
"""Symlinks in one project; the target of each has to be read."""

_PROGRAMS: Final = (
    "setup.py",
    "setup.cfg",
    "MANIFEST.in",
    "hatch_build.py",
    "build.py",
    "CMakeLists.txt",
    "meson.build",
    "Cargo.toml",
)
"""Files that define the build of a project, besides its pyproject.toml."""
_PROJECT_FILES: Final = (
    "pyproject.toml",
    "hatch.toml",
    "setup.py",
    "setup.cfg",
    "MANIFEST.in",
)
"""Files that can name other files of a project."""
_OUTWARD: Final = re.compile(
    rb"(?<![.\w])\.\.(?=[/\\'\"])|\bpardir\b|\.parents?\b|\bdirname\("
)
"""Ways to name the parent directory. A missed one leads to no wrong image: the build
does
not get files that do not count, and fails."""
_OWN_DIRECTORY: Final = re.compile(
    rb"\bPath\(\s*__file__\s*\)(?:\.(?:resolve|absolute)\(\))?\.parent\b"
    rb"|\bdirname\((?:(?:os\.)?path\.)?(?:(?:abspath|realpath)\()?__file__"
)
"""Ways to name the directory of the script itself."""
_WORD: Final = re.compile(rb"\w+")


def follow_code(
    reading: Reading,
    directory: str,
    *,
    programs: BuildPrograms = UNKNOWN,
    understood: frozenset[str] = frozenset(),
) -> Asking[None]:
    """Add everything in the directory of an installed project to the closure.

    Args:
        reading: The closure.
        directory: The resolved path of a directory of the repository.
        programs: What the build of the project runs. A directory that only a link leads
            to has no build, and the package may get all its files.
        understood: Names in it whose parsed meaning counts instead of their bytes.
    """
    # Projects may install each other in a circle, and links may lead back up.
    if not reading.is_new("code", directory, "link" if programs is UNKNOWN else ""):
        return
    listed = yield from reading.files.listing(directory)
    if listed is None:
        yield from _count_unlisted(reading, directory)
        return
    own = {item: entry for item, entry in listed.items() if _parent(item) == directory}
    texts = yield from _contents(reading, directory, own, _PROJECT_FILES)
    unneeded = _find_unneeded(own, texts)
    counted = {
        path: entry
        for path, entry in own.items()
        if posixpath.basename(path) not in unneeded
    }
    for path, entry in sorted(counted.items()):
        # By the ids in the listing, without resolution: a subdirectory's tree id
        # covers all files below it.
        reading.add_entry(path, entry, "code")
    contents = Contents(
        reading=reading,
        directory=directory,
        own=counted,
        texts=texts,
        programs=programs,
        names={posixpath.basename(path) for path in own},
    )
    yield from contents.mean(understood)
    # Absent files count as well: a .gitignore that appears above the project can take
    # files out of its wheel.
    yield from _follow_above(reading, directory)
    yield from _follow_links(reading, directory, listed)
    if directory:
        yield from _look_outward(reading, directory, own)


def follow_directory(
    reading: Reading, found: ResolvedPath, role: str
) -> Asking[Mapping[str, Entry] | None]:
    """Add a path with all its content, including the targets of its links.

    Returns the directory's listing; None for a file, or a directory too large to list.
    """
    reading.add(found, role)
    reading.mean_bytes(found)
    if not found.is_directory:
        return None
    listed = yield from reading.files.listing(found.real)
    if listed is not None:
        yield from _follow_links(reading, found.real, listed)
    elif found.real:
        _remark_large(reading, found.real)
    return listed


def remark_outward(reading: Reading, directory: str, path: str) -> None:
    """Report that a project's build reads files outside its directory."""
    reading.count_commit()
    reading.remark(
        Severity.NOTE,
        "project_reads_outside",
        f"{show(path)} names files outside {show(reading.relative(directory))}, so"
        " every commit counts as a change; keep what a build needs in the project's"
        " own directory.",
        path=path,
    )


def _count_unlisted(reading: Reading, directory: str) -> Asking[None]:
    """Add a directory by its tree id alone; its links are not followed."""
    found = (yield from reading.files.find([directory]))[directory]
    reading.add_entry(directory, found.entry, "code")
    reading.mean("code", reading.relative(directory), found.entry.mode, found.entry.oid)
    if directory and found.is_directory:
        _remark_large(reading, directory)


def _remark_large(reading: Reading, directory: str) -> None:
    what = f"{show(directory)} holds more than {MAX_DIRECTORIES} directories"
    reading.give_up(directory, "large_directory", what)


def _follow_above(reading: Reading, directory: str) -> Asking[None]:
    paths = []
    above = directory
    while above:
        above = _parent(above)
        paths += [posixpath.join(above, name) for name in RULES_ABOVE]
    found = yield from reading.files.find(paths)
    for path in paths:
        reading.add(found[path], "code")
        reading.mean_bytes(found[path])


def _follow_links(
    reading: Reading, directory: str, listed: Mapping[str, Entry]
) -> Asking[None]:
    """Add the targets of links; a dangling link counts only itself."""
    links = sorted(path for path, entry in listed.items() if entry.mode == SYMLINK)
    # Links in directories set aside (.github and the like) are not followed.
    links = [path for path in links if reading.covers(path)]
    if len(links) > MAX_LINKS:
        what = f"{show(directory)} holds more than {MAX_LINKS} symbolic links"
        reading.give_up(directory, "too_many_files", what)
        return
    found = yield from reading.files.find(links)
    for item in found.values():
        # Most links lead to files of the same project, which the tree ids cover
        # already.
        if item.trouble is not None:
            continue
        if reading.covers(item.real):
            # Through the link a package may hold what counts with less than its bytes.
            if item.is_file and is_reduced(posixpath.basename(item.real)):
                reading.mean_bytes(item)
            continue
        reading.add(item, "code", whole=not item.is_directory)
        if item.is_directory:
            yield from follow_code(reading, item.real)
        else:
            reading.mean_bytes(item)


def _find_unneeded(
    own: Mapping[str, Entry], texts: Mapping[str, bytes | None]
) -> set[str]:
    """Return the entries that a build does not need and no project file names."""
    aside = {posixpath.basename(path) for path in own} & _ASIDE
    return {
        name
        for name in aside
        if not any(
            _names_file(raw, name) or may_take_along(name, path, raw, is_directory=True)
            for path, raw in texts.items()
        )
    }


def _names_file(raw: bytes | None, name: str) -> bool:
    """Return whether a text names a file, or a file in a directory of that name."""
    pattern = rb"(?<![\w.-])%s[/\\'\"]" % re.escape(name.encode())
    # A file that cannot be read may name anything, so nothing is left out then.
    return raw is None or re.search(pattern, raw) is not None


def _look_outward(
    reading: Reading, directory: str, own: Mapping[str, Entry]
) -> Asking[None]:
    texts = yield from _contents(reading, directory, own, _PROGRAMS)
    # One level only: a helper that imports another one is rare, and a build that reads
    # an uncounted file fails loudly, as its checkout does not have that file.
    texts |= yield from _contents(reading, directory, own, _helpers(own, texts))
    for path, raw in texts.items():
        # A Cargo.toml may belong to a workspace above it, which it does not name.
        is_part = posixpath.basename(path) == "Cargo.toml"
        # `Path(__file__).parent` names the project's own directory, as nearly every
        # setup.py does; it is cut out first, or almost no project would be read as
        # closed.
        if is_part or raw is None or _OUTWARD.search(_OWN_DIRECTORY.sub(b"", raw)):
            remark_outward(reading, directory, path)


def _helpers(
    own: Mapping[str, Entry], programs: Mapping[str, bytes | None]
) -> list[str]:
    """Return the modules that the build's scripts seem to import beside them."""
    words: set[bytes] = set()
    for path, raw in programs.items():
        if path.endswith(".py"):
            words |= set(_WORD.findall(raw or b""))
    names = (posixpath.basename(path) for path in own if path not in programs)
    return [
        name
        for name in names
        if name.endswith(".py") and name.removesuffix(".py").encode() in words
    ]


def _contents(
    reading: Reading, directory: str, own: Mapping[str, Entry], names: Iterable[str]
) -> Asking[dict[str, bytes | None]]:
    """Read the files of a directory that exist."""
    paths = [join_path(directory, name) or name for name in names]
    found = yield from reading.files.find(path for path in paths if path in own)
    texts = {}
    for path, item in found.items():
        if item.is_file:
            texts[path] = yield from reading.files.content(item.entry.oid, item.real)
    return texts


def _parent(path: str) -> str:
    return posixpath.dirname(path)
