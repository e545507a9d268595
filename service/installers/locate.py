"""Find the place in a repository that a tool's message is about."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

__all__ = [
    "NOWHERE",
    "Place",
    "find_file",
    "find_key",
    "find_name",
    "find_text",
    "name_of",
]

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LEADING: Final = re.compile(rf"[\s\-\"'\[]*({_NAME.pattern})")
_QUOTED: Final = re.compile(rf"[\"']({_NAME.pattern})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file of the repository, and a line in it."""

    path: str = ""
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path} line {self.line}" if self.line else self.path


NOWHERE: Final = Place()


def name_of(requirement: str) -> str:
    """Return the package a requirement begins with; empty when it is something else."""
    match = _NAME.match(requirement.strip())
    return match[0] if match else ""


def find_name(name: str, files: Mapping[str, str]) -> Place:
    """Find the line that asks for a package, however the file spells its name."""
    if not name:
        return NOWHERE
    wanted = canonicalize_name(name)
    return _first(files, lambda line: wanted in _names(line))


def find_text(text: str, files: Mapping[str, str]) -> Place:
    """Find the first line that holds a text."""
    return _first(files, lambda line: text in line) if text else NOWHERE


def find_file(named: str, files: Mapping[str, str]) -> str:
    """Return the repository's path of a file that a tool named from its own folder."""
    tail = named.removeprefix("./")
    return next(
        (it for it in files if it == tail or it.endswith(f"/{tail}")),
        next(iter(files), "") if named.endswith(".pip.txt") else named,
    )


def find_key(key: str, file: str, files: Mapping[str, str]) -> Place:
    """Find the last part of a dotted key in a file; its first line without one.

    A file that is not among those at hand is named as it is.
    """
    path = find_file(file, files)
    last = re.split(r"[.\[]", re.sub(r"(?:\[\d+\])+$", "", key))[-1]
    wanted = re.compile(rf"(?:^|[\s.{{,\"'\[]){re.escape(last)}s?[\"'\]]*\s*(?:=|$)")
    text = files.get(path, "")
    for number, line in enumerate(text.splitlines(), start=1):
        if last and wanted.search(line) and not line.lstrip().startswith("#"):
            return Place(path=path, line=number)
    return Place(path=path, line=1)


def _first(files: Mapping[str, str], fits: Callable[[str], bool]) -> Place:
    for path, text in files.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.lstrip().startswith("#") and fits(line):
                return Place(path=path, line=number)
    return NOWHERE


def _names(line: str) -> Iterator[str]:
    if leading := _LEADING.match(line):
        yield canonicalize_name(leading[1])
    yield from (canonicalize_name(it) for it in _QUOTED.findall(line))
