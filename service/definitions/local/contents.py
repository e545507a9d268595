"""What the content of an installed project's directory means, entry by entry.

An entry means its object id: that of a subdirectory covers all files below it. Only
where a file means less than its bytes, its directory is counted by its entries.
"""

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.local.build_programs import BuildPrograms
from service.definitions.local.enclosed import find_enclosed, is_for_people
from service.definitions.local.programs import (
    VERSION_FILES,
    is_text_read,
    program_meaning,
)
from service.definitions.queries import Asking
from service.domain.definition import DIRECTORY, EXECUTABLE, FILE, Entry

__all__ = ["Contents", "is_reduced"]

MAX_PACKAGES: Final = 8
"""Directories of one project that are looked into for a version file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The entries of a project's directory, and the files that can name others."""

    reading: Reading
    directory: str
    own: Mapping[str, Entry]
    """The entries by path, without those that do not count."""
    texts: Mapping[str, bytes | None]
    programs: BuildPrograms
    names: Collection[str]
    """All names in the directory."""

    def mean(self, understood: Collection[str]) -> Asking[None]:
        """Add a row for every entry, but those whose meaning is added elsewhere."""
        enclosed = frozenset[str]()
        if not self.programs.choose:
            enclosed = find_enclosed(self.names, self.texts)
        holders = yield from self._find_holders()
        for path, entry in sorted(self.own.items()):
            name = posixpath.basename(path)
            if name in enclosed and entry.mode in {FILE, EXECUTABLE}:
                self._mean(path, entry, "text")
            elif name not in understood:
                yield from self._mean_entry(path, entry, holders)

    def _mean_entry(
        self, path: str, entry: Entry, holders: Collection[str]
    ) -> Asking[None]:
        name = posixpath.basename(path)
        if path in holders and entry.mode == DIRECTORY:
            listed = yield from self.reading.files.listing(path)
            inner = {
                below: item
                for below, item in (listed or {}).items()
                if posixpath.dirname(below) == path
            }
            if inner:
                self._mean(path, entry, "entries")
                for below, item in sorted(inner.items()):
                    yield from self._mean_entry(below, item, holders)
                return
        is_own = posixpath.dirname(path) == self.directory
        is_program = name in VERSION_FILES or (name == "setup.py" and is_own)
        if is_program and entry.mode in {FILE, EXECUTABLE} and not self._is_read(name):
            raw = yield from self.reading.files.content(entry.oid, path)
            if program := program_meaning(raw):
                # An item of its own: the next evaluation will read it, too, and its
                # remote may fetch it with the head.
                self.reading.add_entry(path, entry, "metadata")
                self._mean(path, entry, f"program {program}")
                return
        self._mean(path, entry, entry.oid)

    def _is_read(self, name: str) -> bool:
        return self.programs.choose or is_text_read(name, self.texts, self.names)

    def _mean(self, path: str, entry: Entry, content: str) -> None:
        self.reading.mean("code", self.reading.relative(path), entry.mode, content)

    def _find_holders(self) -> Asking[frozenset[str]]:
        """Return the directories that hold a version file, and those above them."""
        if all(self._is_read(name) for name in VERSION_FILES):
            return frozenset()
        packages = self._directories(self.own)
        source = posixpath.join(self.directory, "src")
        if source in packages:
            listed = (yield from self.reading.files.listing(source)) or {}
            below = {
                path: entry
                for path, entry in listed.items()
                if posixpath.dirname(path) == source
            }
            packages = [*self._directories(below), *packages]
        wanted = [
            posixpath.join(package, name)
            for package in packages[:MAX_PACKAGES]
            for name in VERSION_FILES
        ]
        found = yield from self.reading.files.find(wanted)
        holders = {
            posixpath.dirname(path) for path, item in found.items() if item.is_file
        }
        return frozenset({*holders, *(posixpath.dirname(path) for path in holders)})

    def _directories(self, entries: Mapping[str, Entry]) -> list[str]:
        names = sorted(path for path, item in entries.items() if item.mode == DIRECTORY)
        return [path for path in names if not posixpath.basename(path).startswith(".")]


def is_reduced(name: str) -> bool:
    """Return whether a file of that name may count with less than its bytes."""
    programs = {*VERSION_FILES, "setup.py", "pyproject.toml"}
    return name in programs or is_for_people(name)
