"""Locate the file and line of a repository that a tool's message is about."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from packaging.utils import canonicalize_name

__all__ = [
    "NOWHERE",
    "SourceLocation",
    "find_key",
    "find_line",
    "find_project",
    "find_reported",
    "find_requirement",
    "name_of",
]

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LEADING: Final = re.compile(rf"[\s\-\"'\[]*({_NAME.pattern})")
_CONSTRAINTS: Final = re.compile(
    r"^[ \t\-\"']*(?:-c|--constraint)[ =]*([^\s\"']+)", re.MULTILINE
)
_PIP_PART: Final = re.compile(r"\.pip\.txt$|/?condaenv\.\w{1,99}\.requirements\.txt$")
"""What is below `pip:`: the name that this service's builder gives it, and conda's.
https://github.com/conda/conda/blob/main/conda/env/installers/pip.py"""
_PIP: Final = re.compile(r"(\s*)(?:-\s*)?[\"']?pip[\"']?\s*:\s*(?:#|$)")
_ITEM: Final = re.compile(r"(\s*)-\s")
_REPODATA: Final = re.compile(
    r"/([^/]{1,200})/(?:noarch|[a-z]{1,20}-\w{1,20})/[a-z_]{0,40}repodata[\w.]{0,40}$"
)
_ARCHIVES: Final = (
    *(".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".conda"),
)
_QUOTED: Final = re.compile(rf"[\"']({_NAME.pattern})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """A file of the repository and a line in it; either may be unknown."""

    path: str = ""
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path} line {self.line}" if self.line else self.path

    def before(self, sentence: str) -> str:
        """Return a sentence with the place before it, if there is one."""
        return f"{self}: {sentence}" if self.path else sentence


NOWHERE: Final = SourceLocation()


def name_of(requirement: str) -> str:
    """Return the package name that a requirement begins with; empty without one.

    Of a URL or path it is the name in that of a file, or of a page of an index.
    """
    text = requirement.strip()
    match = _NAME.match(_name_in_url(text))
    return match[0] if match else ""


def _name_in_url(where: str) -> str:
    """Return what an index calls the package, or a channel, at a URL; else the text."""
    path = re.split(r"[#?]", where)[0].rstrip("/")
    if channel := _REPODATA.search(path):
        return channel[1]
    file = posixpath.basename(path)
    if not file.endswith(_ARCHIVES):
        return file if "://" in where else where
    # NAME-VERSION-TAGS.whl, NAME-VERSION.tar.gz, and NAME-VERSION-BUILD.conda
    first, *rest = file.split("-")
    return "-".join([first, *takewhile(lambda part: not part[:1].isdigit(), rest)])


def _find_name(name: str, files: Mapping[str, str]) -> SourceLocation:
    """Find the line that requires a package, in any spelling of its name."""
    if not name:
        return NOWHERE
    # Tools print the normalized name, and users write My_Package.
    wanted = canonicalize_name(name)
    return _first(files, lambda line: wanted in _names(line))


def _find_text(text: str, files: Mapping[str, str]) -> SourceLocation:
    """Find the first line that contains a text."""
    return _first(files, lambda line: text in line) if text else NOWHERE


def find_requirement(what: str, files: Mapping[str, str]) -> SourceLocation:
    """Find the line that asks for what an installer names: by its name, URL or file."""
    if not what:
        return NOWHERE
    by_name = _find_name(name_of(what), files)
    by_text = _find_text(what, files)
    is_name = _name_in_url(what.strip()) == what.strip()
    first, second = (by_name, by_text) if is_name else (by_text, by_name)
    return second if first == NOWHERE else first


def _find_file(named: str, files: Mapping[str, str]) -> str:
    """Return the repository path of a file that a tool named."""
    tail = named.removeprefix("./")
    return next(
        (file for file in files if file == tail or file.endswith(f"/{tail}")),
        next(iter(files), "") if _PIP_PART.search(named) else named,
    )


def find_reported(named: str, line: int, files: Mapping[str, str]) -> SourceLocation:
    """Return the location that a tool reported.

    What is below `pip:` in an environment.yml gets to pip in a file of its own, of
    which nobody else knows: its lines are the items there.
    """
    path = _find_file(named, files)
    if path in files and _PIP_PART.search(named):
        return SourceLocation(path=path, line=_find_pip_item(line, files[path]))
    return SourceLocation(path=path, line=line)


def _find_pip_item(number: int, text: str) -> int | None:
    """Return the line of an item of the last `pip:`, counted from 1."""
    lines = list(enumerate(text.splitlines(), start=1))
    begins = [at for at, line in lines if _PIP.match(line)]
    if not begins:
        return None
    parent = _PIP.match(lines[begins[-1] - 1][1])
    items = []
    for at, line in lines[begins[-1] :]:
        item = _ITEM.match(line)
        if item and parent and len(item[1]) > len(parent[1]):
            items.append(at)
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return items[number - 1] if 0 < number <= len(items) else None


def find_line(
    pattern: re.Pattern[str], files: Mapping[str, str], *, is_constraint: bool = False
) -> SourceLocation:
    """Find the first line that matches, in all files or only in constraints files."""
    if is_constraint:
        named = {
            _find_file(posixpath.basename(name), files)
            for text in files.values()
            for name in _CONSTRAINTS.findall(text)
        }
        files = {path: text for path, text in files.items() if path in named}
    return _first(files, lambda line: pattern.search(line) is not None)


def find_project(directory: str, files: Mapping[str, str]) -> SourceLocation:
    """Find the line that installs a directory of the repository, by its path.

    Where none does, the project's own pyproject.toml is the definition.
    """
    wanted = re.compile(
        r"[ \t\-\"']*(?:(?:-e|--editable)[ \t=]*)?[\"']?(?:\./)?"
        rf"{re.escape(directory or '.')}/?(?:[\[\s;#\"']|$)"
    )
    location = _first(files, lambda line: wanted.match(line) is not None)
    first = next(iter(files), "")
    if location == NOWHERE and posixpath.basename(first) == "pyproject.toml":
        return find_key("build-backend", first, files)
    return location


def find_key(key: str, file: str, files: Mapping[str, str]) -> SourceLocation:
    """Find the line of a dotted key in a file; line 1 when it is not found.

    A file that is not among `files` keeps the name that the message has.
    """
    path = _find_file(file, files)
    # The last key, without indexes: validators name `tool.uv.index[2].url`, and a line
    # of the file has only `url`.
    last = re.split(r"[.\[]", re.sub(r"(?:\[\d{1,9}\]){1,20}$", "", key))[-1]
    wanted = re.compile(rf"(?:^|[\s.{{,\"'\[]){re.escape(last)}s?[\"'\]]*\s*(?:=|$)")
    text = files.get(path, "")
    for number, line in enumerate(text.splitlines(), start=1):
        if last and wanted.search(line) and not line.lstrip().startswith("#"):
            return SourceLocation(path=path, line=number)
    return SourceLocation(path=path, line=1)


def _first(files: Mapping[str, str], matches: Callable[[str], bool]) -> SourceLocation:
    for path, text in files.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.lstrip().startswith("#") and matches(line):
                return SourceLocation(path=path, line=number)
    return NOWHERE


def _names(line: str) -> Iterator[str]:
    if leading := _LEADING.match(line):
        yield canonicalize_name(leading[1])
    yield from (canonicalize_name(match) for match in _QUOTED.findall(line))
