"""Locate the file and line of a repository that a tool's message is about."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

__all__ = [
    "NOWHERE",
    "SourceLocation",
    "find_file",
    "find_key",
    "find_line",
    "find_name",
    "find_text",
    "name_of",
]

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LEADING: Final = re.compile(rf"[\s\-\"'\[]*({_NAME.pattern})")
_CONSTRAINTS: Final = re.compile(
    r"^[ \t\-\"']*(?:-c|--constraint)[ =]*([^\s\"']+)", re.MULTILINE
)
_QUOTED: Final = re.compile(rf"[\"']({_NAME.pattern})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """A file of the repository and a line in it; either may be unknown."""

    path: str = ""
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path} line {self.line}" if self.line else self.path


NOWHERE: Final = SourceLocation()


def name_of(requirement: str) -> str:
    """Return the package name that a requirement begins with; empty without one."""
    match = _NAME.match(requirement.strip())
    return match[0] if match else ""


def find_name(name: str, files: Mapping[str, str]) -> SourceLocation:
    """Find the line that requires a package, in any spelling of its name."""
    if not name:
        return NOWHERE
    # Tools print the normalized name, and users write My_Package.
    wanted = canonicalize_name(name)
    return _first(files, lambda line: wanted in _names(line))


def find_text(text: str, files: Mapping[str, str]) -> SourceLocation:
    """Find the first line that contains a text."""
    return _first(files, lambda line: text in line) if text else NOWHERE


def find_file(named: str, files: Mapping[str, str]) -> str:
    """Return the repository path of a file that a tool named."""
    tail = named.removeprefix("./")
    return next(
        (file for file in files if file == tail or file.endswith(f"/{tail}")),
        next(iter(files), "") if named.endswith(".pip.txt") else named,
    )


def find_line(
    pattern: re.Pattern[str], files: Mapping[str, str], *, is_constraint: bool = False
) -> SourceLocation:
    """Find the first line that matches, in all files or only in constraints files."""
    if is_constraint:
        named = {
            find_file(posixpath.basename(name), files)
            for text in files.values()
            for name in _CONSTRAINTS.findall(text)
        }
        files = {path: text for path, text in files.items() if path in named}
    return _first(files, lambda line: pattern.search(line) is not None)


def find_key(key: str, file: str, files: Mapping[str, str]) -> SourceLocation:
    """Find the line of a dotted key in a file; line 1 when it is not found.

    A file that is not among `files` keeps the name that the message has.
    """
    path = find_file(file, files)
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
