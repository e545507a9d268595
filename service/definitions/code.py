"""The code of local projects: what an image holds a copy of.

Whoever installs a project of the repository runs its build and gives its code to
sessions, be it copied into the environment or left where it is (`-e`): the image holds
the files either way. So the whole directory counts, by the ids that git has for what
is in it, and nothing of it is fetched. Left out are files for forges and editors; a
build is not given them, so none can depend on them.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Final

from service.definitions.links import Found, joined
from service.definitions.questions import MAX_DIRECTORIES, Asking
from service.definitions.reading import Reading
from service.definitions.words import show
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
"""Of a project's own directory. Texts such as README and CHANGELOG are not among them:
setup programs like to read them."""

_ABOVE: Final = (".gitattributes", ".gitignore", ".hgignore", ".gitmodules")
"""Files in the directories above a project that change what is in it: git rewrites
files by the first, build backends leave files out by the next two, and submodules
come from where the last one says."""

MAX_LINKS: Final = 100
"""Symlinks in one project; each has to be read to know where it leads."""

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
"""What says how a project is built, besides its pyproject.toml."""
_PROJECT_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in")
"""What names other files of a project."""
_OUTWARD: Final = re.compile(
    rb"(?<![.\w])\.\.(?=[/\\'\"])|\bpardir\b|\.parents?\b|\bdirname\("
)
"""Ways to name the directory above. Missing one makes no wrong image: the build is not
given what does not count, and fails."""
_OWN_DIRECTORY: Final = re.compile(
    rb"\bPath\(\s*__file__\s*\)(?:\.(?:resolve|absolute)\(\))?\.parent\b"
    rb"|\bdirname\((?:(?:os\.)?path\.)?(?:(?:abspath|realpath)\()?__file__"
)
"""Ways to name the directory of the program itself."""
_WORD: Final = re.compile(rb"\w+")


def follow_code(
    reading: Reading, directory: str, *, understood: frozenset[str] = frozenset()
) -> Asking[None]:
    """Count all that is in a directory from which a project is installed.

    Args:
        reading: What it is added to.
        directory: The real path of a directory of the repository.
        understood: Names in it whose meaning counts, and not their bytes.
    """
    if not reading.is_new("code", directory):
        return
    listed = yield from reading.files.listing(directory)
    if listed is None:
        yield from _count_unlisted(reading, directory)
        return
    own = {it: entry for it, entry in listed.items() if _parent(it) == directory}
    unneeded = yield from _find_unneeded(reading, directory, own)
    for path, entry in sorted(own.items()):
        name = posixpath.basename(path)
        if name not in unneeded:
            reading.add_entry(path, entry, "code")
            if name not in understood:
                reading.mean("code", reading.relative(path), entry.mode, entry.oid)
    yield from _follow_above(reading, directory)
    yield from _follow_links(reading, directory, listed)
    if directory:
        yield from _look_outward(reading, directory, own)


def follow_directory(
    reading: Reading, found: Found, role: str
) -> Asking[Mapping[str, Entry] | None]:
    """Count a path whole: in a directory also what its links lead to.

    Returns the directory's listing; None when it is none, or too large to list.
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
    """Say that a project's build reads what lies outside its directory."""
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
    """Count a directory by its one id; below the root its links may lead outside."""
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
        paths += [posixpath.join(above, name) for name in _ABOVE]
    found = yield from reading.files.find(paths)
    for path in paths:
        reading.add(found[path], "code")
        reading.mean_bytes(found[path])


def _follow_links(
    reading: Reading, directory: str, listed: Mapping[str, Entry]
) -> Asking[None]:
    """Count what links lead to; one that leads to nothing counts by itself alone."""
    links = sorted(path for path, it in listed.items() if it.mode == SYMLINK)
    links = [path for path in links if reading.covers(path)]
    if len(links) > MAX_LINKS:
        what = f"{show(directory)} holds more than {MAX_LINKS} symbolic links"
        reading.give_up(directory, "too_many_files", what)
        return
    found = yield from reading.files.find(links)
    for it in found.values():
        if it.trouble is not None or reading.covers(it.real):
            continue
        reading.add(it, "code", whole=not it.is_directory)
        if it.is_directory:
            yield from follow_code(reading, it.real)
        else:
            reading.mean_bytes(it)


def _find_unneeded(
    reading: Reading, directory: str, own: Mapping[str, Entry]
) -> Asking[set[str]]:
    """Name what a build does without: but a project's files may name a README there."""
    aside = {posixpath.basename(path) for path in own} & _ASIDE
    if not aside:
        return set()
    texts = yield from _contents(reading, directory, own, _PROJECT_FILES)
    return {
        name
        for name in aside
        if not any(_names_file(raw, name) for raw in texts.values())
    }


def _names_file(raw: bytes | None, name: str) -> bool:
    """Say whether a text names a file, or one in the directory of that name."""
    pattern = rb"(?<![\w.-])%s(?:[/\\][\w.]|['\"])" % re.escape(name.encode())
    return raw is None or re.search(pattern, raw) is not None


def _look_outward(
    reading: Reading, directory: str, own: Mapping[str, Entry]
) -> Asking[None]:
    texts = yield from _contents(reading, directory, own, _PROGRAMS)
    texts |= yield from _contents(reading, directory, own, _helpers(own, texts))
    for path, raw in texts.items():
        # A workspace above a Cargo.toml counts, too, and is not named in it.
        is_part = posixpath.basename(path) == "Cargo.toml"
        if is_part or raw is None or _OUTWARD.search(_OWN_DIRECTORY.sub(b"", raw)):
            remark_outward(reading, directory, path)


def _helpers(
    own: Mapping[str, Entry], programs: Mapping[str, bytes | None]
) -> list[str]:
    """Name the modules beside the programs of a build that those seem to import."""
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
    """Read files in a directory, as far as they are there."""
    paths = [joined(directory, name) or name for name in names]
    found = yield from reading.files.find(path for path in paths if path in own)
    texts = {}
    for path, it in found.items():
        if it.is_file:
            texts[path] = yield from reading.files.content(it.entry.oid, it.real)
    return texts


def _parent(path: str) -> str:
    return posixpath.dirname(path)
