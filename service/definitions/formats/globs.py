"""Glob patterns in a git tree, with the semantics of `pathlib.Path.glob`.

https://docs.python.org/3.11/library/pathlib.html#pathlib.Path.glob
"""

import fnmatch
import posixpath
import re
from dataclasses import dataclass, field
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.queries import Asking

__all__ = ["Globs", "Match", "check_pattern"]

MAX_LISTINGS: Final = 60
"""Directories that are listed for one definition."""
_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Match:
    """A file or directory that matches a pattern."""

    path: str
    """The resolved path from the root of the repository."""
    is_directory: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.path)


def check_pattern(pattern: str) -> str:
    """Return why Python refuses a pattern; empty when it does not."""
    if pattern.startswith("/"):
        return "begins with /; make it relative"
    if not _parts(pattern):
        return "names the directory itself; name what is in it"
    if any("**" in part and part != "**" for part in pattern.split("/")):
        return "has a ** that is only a part of a name; write **/*.py"
    return ""


@dataclass(slots=True)
class Globs:
    """Finds files by patterns, within `MAX_LISTINGS` listings."""

    reading: Reading
    _asked: int = 0
    _known: dict[str, tuple[Match, ...] | None] = field(default_factory=dict)

    def find(self, base: str, pattern: str) -> Asking[tuple[Match, ...] | None]:
        """Return the matches of a pattern below a directory of the repository, sorted.

        None when that would take too many listings, or leads through a link that cannot
        be followed. The pattern must have no `check_pattern`.
        """
        start = yield from self._named("", base)
        if start is None:
            return None
        here = set(start)
        for part in _parts(pattern):
            below: set[Match] = set()
            for directory in sorted(here):
                if not directory.is_directory:
                    continue
                found = yield from self._step(directory.path, part)
                if found is None:
                    return None
                below.update(found)
            here = below
        return tuple(sorted(here))

    def has_file(self, directory: str, suffixes: tuple[str, ...]) -> Asking[bool]:
        """Return whether a directory may contain a file with one of the suffixes."""
        todo = [directory]
        while todo:
            listed = yield from self._list(todo.pop(0))
            if listed is None or any(match.name.endswith(suffixes) for match in listed):
                return True
            todo.extend(match.path for match in listed if match.is_directory)
        return False

    def files(self, directory: str) -> Asking[tuple[Match, ...] | None]:
        """Return all files below a directory; None when it has too many directories."""
        found: list[Match] = []
        todo = [directory]
        while todo:
            listed = yield from self._list(todo.pop())
            if listed is None:
                return None
            found.extend(match for match in listed if not match.is_directory)
            todo.extend(match.path for match in listed if match.is_directory)
        return tuple(found)

    def _step(self, directory: str, part: str) -> Asking[tuple[Match, ...] | None]:
        if part == "**":
            return (yield from self._directories(directory))
        if not _WILD.search(part):
            return (yield from self._named(directory, part))
        listed = yield from self._list(directory)
        if listed is None:
            return None
        return tuple(match for match in listed if fnmatch.fnmatchcase(match.name, part))

    def _named(self, directory: str, part: str) -> Asking[tuple[Match, ...] | None]:
        path = join_path(directory, part)
        if not path:
            is_root = path is not None
            return (Match(path="", is_directory=True),) if is_root else ()
        found: ResolvedPath = (yield from self.reading.files.find([path]))[path]
        # What such a link leads to is unknown, so the set of matches is, too; an empty
        # answer would take added files for unchanged.
        if found.trouble is not None:
            return None
        if found.is_absent:
            return ()
        return (Match(path=found.real, is_directory=found.is_directory),)

    def _directories(self, directory: str) -> Asking[tuple[Match, ...] | None]:
        found = [Match(path=directory, is_directory=True)]
        # The list grows while it is walked, breadth first; `MAX_LISTINGS` ends it.
        for match in found:
            listed = yield from self._list(match.path)
            if listed is None:
                return None
            found.extend(item for item in listed if item.is_directory)
        return tuple(found)

    def _list(self, directory: str) -> Asking[tuple[Match, ...] | None]:
        if directory in self._known:
            return self._known[directory]
        # Counted before the answer: a directory that cannot be listed costs a round
        # trip too.
        self._asked += 1
        listed = None
        if self._asked <= MAX_LISTINGS:
            listed = yield from self.reading.files.listing(directory)
        # None is cached as well, so that no later pattern asks again for what is too
        # large.
        if listed is None:
            self._known[directory] = None
            return None
        # A listing also has links of deeper directories (see `Listing`); a `*` of
        # pathlib does not cross a slash.
        own = [path for path in listed if posixpath.dirname(path) == directory]
        found = yield from self.reading.files.find(own)
        matches = tuple(
            Match(path=path, is_directory=found[path].is_directory) for path in own
        )
        self._known[directory] = matches
        return matches


def _parts(pattern: str) -> list[str]:
    return [part for part in pattern.split("/") if part not in {"", "."}]
