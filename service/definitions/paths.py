"""Resolution of paths in a git tree, with symlinks.

Git stores a symlink as a blob with its target. A checkout follows links, and so does
this module: component by component, inside the repository only, at most 40 links.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from service.definitions.queries import Asking, Content, Entries, Listing
from service.definitions.text import storable
from service.domain.definition import (
    ABSENT,
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Entry,
    Item,
)
from service.domain.repository import BlobId

__all__ = ["Files", "PathProblem", "ResolvedPath", "can_appear", "join_path"]

MAX_HOPS: Final = 40
"""What Linux allows: https://man7.org/linux/man-pages/man7/path_resolution.7.html"""
MAX_PATH: Final = 4096
"""Bytes; no file system has a longer path, so no such file can be checked out."""
MAX_LEVELS: Final = 100
"""Levels of nested directories; each level costs one look-up."""

NOTHING: Final = Entry(mode=ABSENT, oid=BlobId(""))


class PathProblem(Enum):
    """Why a path cannot be resolved to a file of the repository."""

    ESCAPE = "escape"
    """A link points outside the repository."""
    LOOP = "loop"
    """A cycle of links, or more than 40 links."""
    SUBMODULE = "submodule"
    """The path is a submodule, or inside one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPath:
    """A path with all links resolved."""

    path: str
    """The path before the resolution."""
    real: str
    """The path with all links followed; that of the submodule for a path inside one."""
    entry: Entry
    """Never a link; of mode `absent` for a missing path, or one with a problem."""
    links: tuple[tuple[str, Entry], ...] = ()
    """The links on the way, in order."""
    trouble: PathProblem | None = None

    @property
    def is_file(self) -> bool:
        """Return whether the path is a regular file."""
        return self.entry.mode in {FILE, EXECUTABLE}

    @property
    def is_directory(self) -> bool:
        """Return whether the path is a directory of this repository."""
        return self.entry.mode == DIRECTORY

    @property
    def is_absent(self) -> bool:
        """Return whether the path does not exist in a checkout."""
        return self.entry.mode == ABSENT


@dataclass(slots=True)
class _Way:
    """The state of a walk along a path: components to visit, and those visited."""

    todo: deque[str]
    done: list[str] = field(default_factory=list)
    links: list[tuple[str, Entry]] = field(default_factory=list)

    @property
    def here(self) -> str:
        return "/".join(self.done)


class Files:
    """The tree of one commit; entries and contents are requested once and cached.

    One for each closure, so it lives as long as one parse.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._contents: dict[BlobId, bytes | None] = {}

    def find(self, paths: Iterable[str]) -> Asking[Mapping[str, ResolvedPath]]:
        """Resolve paths, mostly with a single question."""
        asked = sorted(set(paths))
        wanted = [path for path in asked if _can_be(path)]
        # One question for all paths and their parents: a forge's API costs a round trip
        # for each question, and only links need more of them.
        yield from self._know(step for path in wanted for step in _steps(path))
        found = {
            path: ResolvedPath(path=path, real=path, entry=NOTHING) for path in asked
        }
        for path in wanted:
            found[path] = yield from self._walk(path)
        return found

    def listing(self, path: str) -> Asking[Mapping[str, Entry] | None]:
        """Return the entries of a directory, and the links below; see `Listing`."""
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

    def _walk(self, path: str) -> Asking[ResolvedPath]:
        way = _Way(todo=deque(path.split("/")))
        while way.todo:
            # Component by component, as the kernel does: `..` after a link is the
            # parent of the link's target, so a path must not be normalized first.
            part = way.todo.popleft()
            if part in {"", "."}:
                continue
            if part == "..":
                if not way.done:
                    return _fail_walk(path, way, PathProblem.ESCAPE)
                way.done.pop()
                continue
            trouble = yield from self._step(way, part)
            if trouble is not None:
                return _fail_walk(path, way, trouble, self._entries)
        yield from self._know([way.here])
        return ResolvedPath(
            path=path,
            real=way.here,
            entry=self._entries[way.here],
            links=tuple(way.links),
        )

    def _step(self, way: _Way, part: str) -> Asking[PathProblem | None]:
        here = f"{way.here}/{part}" if way.done else part
        yield from self._know([here])
        entry = self._entries[here]
        if entry.mode != SYMLINK:
            way.done.append(part)
            return PathProblem.SUBMODULE if entry.mode == GITLINK else None
        # The link itself stays out of `done`: its target is relative to the directory
        # that holds it, which `done` is at this moment.
        way.links.append((here, entry))
        # Counted over the whole walk, as the kernel does, and not for each component:
        # links that each name two more links would double at every level.
        if len(way.links) > MAX_HOPS:
            return PathProblem.LOOP
        target = yield from self.content(entry.oid, here)
        # A blob that cannot be read may lead anywhere, and an absolute target names a
        # file of the builder's machine: both count as links out of the repository.
        if target is None or len(target) > MAX_PATH or target.startswith(b"/"):
            return PathProblem.ESCAPE
        # Targets are bytes. A name that is not UTF-8 has to find its entry in the tree,
        # which is decoded in the same way.
        parts = target.decode("utf-8", "surrogateescape").split("/")
        way.todo.extendleft(reversed(parts))
        ahead = "/".join([*way.done, *way.todo])
        # Targets prepended to what is left can grow without a cycle; 40 links of 4,096
        # bytes each are longer than any path that a checkout could open.
        if not _can_be(ahead):
            return PathProblem.LOOP
        yield from self._know(_steps(ahead))
        return None


def can_appear(item: Item) -> bool:
    """Return whether an item of a closure can be checked out, of any commit.

    One that cannot is left out: it would be stored, and each evaluation would walk the
    200,000 levels of its path. A tree may list such names, too, of megabytes each.
    """
    if item.mode != ABSENT:
        return len(item.path) <= MAX_PATH
    return _can_be(item.path)


def _can_be(path: str) -> bool:
    is_short = len(path) <= MAX_PATH and path.count("/") < MAX_LEVELS
    return is_short and "\0" not in path


def join_path(directory: str, name: str) -> str | None:
    """Join a name to a directory lexically: `..` does not consider links.

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


def _fail_walk(
    path: str,
    way: _Way,
    trouble: PathProblem,
    entries: Mapping[str, Entry] | None = None,
) -> ResolvedPath:
    entry = NOTHING
    # The submodule's entry has the commit that it is pinned to, so the path still
    # counts as changed when that moves, although nothing inside can be read.
    if trouble is PathProblem.SUBMODULE and entries is not None:
        entry = entries[way.here]
    return ResolvedPath(
        path=path,
        real=way.here if trouble is PathProblem.SUBMODULE else path,
        entry=entry,
        links=tuple(way.links),
        trouble=trouble,
    )


def _steps(path: str) -> list[str]:
    """List a path and its parent directories, up to the first `..`."""
    if not path:
        return [""]
    parts = [part for part in path.split("/") if part not in {"", "."}]
    # What stands behind a `..` is known only once the links before it are; asking for
    # the lexical path would cost a question about a file that is not meant.
    if ".." in parts:
        parts = parts[: parts.index("..")]
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
