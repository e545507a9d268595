"""Where a path of a commit really leads.

Git stores a symlink as a blob that holds its target. A checkout follows it, so does
this: component by component, inside the repository only, at most 40 times.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from service.definitions.questions import Asking, Content, Entries, Listing
from service.definitions.words import storable
from service.domain.definition import (
    ABSENT,
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Entry,
)
from service.domain.repository import BlobId

__all__ = ["Files", "Found", "Trouble", "joined"]

MAX_HOPS: Final = 40
"""What Linux allows: https://man7.org/linux/man-pages/man7/path_resolution.7.html"""
MAX_PATH: Final = 4096
"""Bytes; no checkout has a longer path, so no file can be there."""
MAX_LEVELS: Final = 100
"""Directories in each other; looking at every one of them has to stay cheap."""

NOTHING: Final = Entry(mode=ABSENT, oid=BlobId(""))


class Trouble(Enum):
    """Why a path leads nowhere that can be read."""

    ESCAPE = "escape"
    """A link leads out of the repository."""
    LOOP = "loop"
    """Links lead to each other, or through more than 40."""
    SUBMODULE = "submodule"
    """The path is, or lies in, another repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a path leads to."""

    path: str
    """As it was named."""
    real: str
    """Where it is once every link is followed; the submodule when it is in one."""
    entry: Entry
    """Never a link; of mode `absent` when there is nothing, or trouble."""
    links: tuple[tuple[str, Entry], ...] = ()
    """The links on the way, in order."""
    trouble: Trouble | None = None

    @property
    def is_file(self) -> bool:
        """Say whether it can be opened and read."""
        return self.entry.mode in {FILE, EXECUTABLE}

    @property
    def is_directory(self) -> bool:
        """Say whether it is a directory of this repository."""
        return self.entry.mode == DIRECTORY

    @property
    def is_absent(self) -> bool:
        """Say whether a checkout has nothing there."""
        return self.entry.mode == ABSENT


@dataclass(slots=True)
class _Way:
    """A path being walked."""

    todo: deque[str]
    done: list[str] = field(default_factory=list)
    links: list[tuple[str, Entry]] = field(default_factory=list)

    @property
    def here(self) -> str:
        return "/".join(self.done)


class Files:
    """The files of one commit, as far as they were asked for, and never twice."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._contents: dict[BlobId, bytes | None] = {}

    def find(self, paths: Iterable[str]) -> Asking[Mapping[str, Found]]:
        """Follow every path to its end; most often with a single question."""
        asked = sorted(set(paths))
        wanted = [path for path in asked if _can_be(path)]
        yield from self._know(step for path in wanted for step in _steps(path))
        found = {path: Found(path=path, real=path, entry=NOTHING) for path in asked}
        for path in wanted:
            found[path] = yield from self._walk(path)
        return found

    def listing(self, path: str) -> Asking[Mapping[str, Entry] | None]:
        """Return what is in a directory, and the links below; see `Listing`."""
        answer = yield Listing(path=path)
        if answer is None:
            return None
        if not isinstance(answer, Mapping):
            raise TypeError(f"expected a listing of {path!r}, got {type(answer)}")
        self._entries |= answer
        return answer

    def content(self, oid: BlobId, path: str) -> Asking[bytes | None]:
        """Return a blob; None when it is too large or cannot be read."""
        if oid not in self._contents:
            answer = yield Content(oid=oid, path=path)
            if not (answer is None or isinstance(answer, bytes)):
                raise TypeError(f"expected bytes for {path!r}, got {type(answer)}")
            self._contents[oid] = answer
        return self._contents[oid]

    def _know(self, paths: Iterable[str]) -> Asking[None]:
        unknown = {path for path in paths if path not in self._entries}
        if not unknown:
            return
        answer = yield Entries(paths=frozenset(unknown))
        if not isinstance(answer, Mapping):
            raise TypeError(f"expected entries, got {type(answer)}")
        for path in unknown:
            self._entries[path] = answer.get(path, NOTHING)

    def _walk(self, path: str) -> Asking[Found]:
        way = _Way(todo=deque(path.split("/")))
        while way.todo:
            part = way.todo.popleft()
            if part in {"", "."}:
                continue
            if part == "..":
                if not way.done:
                    return _ended(path, way, Trouble.ESCAPE)
                way.done.pop()
                continue
            trouble = yield from self._step(way, part)
            if trouble is not None:
                return _ended(path, way, trouble, self._entries)
        yield from self._know([way.here])
        return Found(
            path=path,
            real=way.here,
            entry=self._entries[way.here],
            links=tuple(way.links),
        )

    def _step(self, way: _Way, part: str) -> Asking[Trouble | None]:
        here = f"{way.here}/{part}" if way.done else part
        yield from self._know([here])
        entry = self._entries[here]
        if entry.mode != SYMLINK:
            way.done.append(part)
            return Trouble.SUBMODULE if entry.mode == GITLINK else None
        way.links.append((here, entry))
        if len(way.links) > MAX_HOPS:
            return Trouble.LOOP
        target = yield from self.content(entry.oid, here)
        if target is None or len(target) > MAX_PATH or target.startswith(b"/"):
            return Trouble.ESCAPE
        parts = target.decode("utf-8", "surrogateescape").split("/")
        way.todo.extendleft(reversed(parts))
        ahead = "/".join([*way.done, *way.todo])
        if not _can_be(ahead):
            return Trouble.LOOP
        yield from self._know(_steps(ahead))
        return None


def joined(directory: str, name: str) -> str | None:
    """Name a path from a directory, as programs do: `..` without looking at links.

    Returns None when it is absolute or leads out of the repository.
    """
    if name.startswith("/"):
        return None
    done: list[str] = []
    for part in f"{directory}/{name}".split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            done.append(part)
        elif done:
            done.pop()
        else:
            return None
    return storable("/".join(done))


def _ended(
    path: str, way: _Way, trouble: Trouble, entries: Mapping[str, Entry] | None = None
) -> Found:
    entry = NOTHING
    if trouble is Trouble.SUBMODULE and entries is not None:
        entry = entries[way.here]
    return Found(
        path=path,
        real=way.here if trouble is Trouble.SUBMODULE else path,
        entry=entry,
        links=tuple(way.links),
        trouble=trouble,
    )


def _steps(path: str) -> list[str]:
    """List a path and the directories above it, as far as no `..` blurs them."""
    if not path:
        return [""]
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts:
        parts = parts[: parts.index("..")]
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _can_be(path: str) -> bool:
    is_short = len(path) <= MAX_PATH and path.count("/") < MAX_LEVELS
    return is_short and "\0" not in path
