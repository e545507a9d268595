"""What has been read of a definition so far: its items, its meaning, its findings."""

import re
from dataclasses import dataclass, field
from typing import Final

from packaging.utils import canonicalize_name

from service.definitions.links import Files, Found, Trouble
from service.definitions.questions import MAX_CONTENT, Asking
from service.definitions.words import relative, show, storable
from service.domain.definition import (
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Entry,
    Item,
)
from service.domain.findings import Finding, Severity
from service.domain.fingerprint import Fingerprint, digest
from service.domain.repository import BlobId
from service.domain.tools import DEFAULT_TOOLS, Tools

__all__ = ["Reading", "Row"]

MAX_FILES: Final = 500
"""Paths in one closure. The largest definitions seen have some dozens."""

LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
"""https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""

_DISTRIBUTION: Final = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,98}[A-Za-z0-9])?", re.ASCII)
"""https://packaging.python.org/en/latest/specifications/name-normalization/"""

_OPTIONAL: Final = frozenset({"candidate", "code", "input", "vendor"})
"""Roles of paths that a build does without."""

Row = tuple[str, ...]


@dataclass(slots=True)
class Reading:
    """The state of one reading; every part of it adds to this."""

    context_dir: str
    files: Files = field(default_factory=Files)
    tools: Tools = DEFAULT_TOOLS
    """What will install it."""
    python: str | None = None
    """The Python version the definition asks for, once that is known."""
    _items: dict[str, Item] = field(default_factory=dict)
    _prints: set[Row] = field(default_factory=set)
    _meaning: set[Row] = field(default_factory=set)
    _declared: set[str] = field(default_factory=set)
    _findings: dict[Finding, None] = field(default_factory=dict)
    _visited: set[Row] = field(default_factory=set)
    _is_partial: bool = False

    def take(self, path: str, role: str) -> Asking[Found]:
        """Find a path and make it part of the closure, present or not."""
        found = (yield from self.files.find([path]))[path]
        self.add(found, role)
        return found

    def add(self, found: Found, role: str, *, whole: bool = True) -> None:
        """Make what was found part of the closure.

        Args:
            found: Where a path leads; its links become items of their own.
            role: Why it counts.
            whole: Whether what is in it counts; else only that it is there.
        """
        if self.is_full():
            return
        for path, link in found.links:
            self._put(Item(path=path, mode=SYMLINK, oid=link.oid, role="link"))
            # A file that became a link is another thing, whatever it leads to.
            self.mean("link", self.relative(path))
        mode = FILE if found.entry.mode == EXECUTABLE else found.entry.mode
        oid = found.entry.oid if whole else BlobId("")
        self._put(Item(path=found.real or ".", mode=mode, oid=oid, role=role))
        if found.trouble is not None:
            self._remark_trouble(found, is_needed=role not in _OPTIONAL)

    def add_entry(self, path: str, entry: Entry, role: str) -> None:
        """Make a path part of the closure with exactly what git has there."""
        if not self.is_full():
            self._put(Item(path=path or ".", mode=entry.mode, oid=entry.oid, role=role))

    def is_full(self) -> bool:
        """Say whether no more files are followed; if so, the reading knows it."""
        if len(self._items) < MAX_FILES:
            return False
        self.give_up(
            "", "too_many_files", f"The definition pulls in more than {MAX_FILES} files"
        )
        return True

    def read(self, found: Found, *, is_leaf: bool = False) -> Asking[bytes | None]:
        """Return a file's content; None when it cannot be understood.

        In that case it counts with its bytes already, and a finding says why.

        Args:
            found: Where the file is.
            is_leaf: Whether its bytes are all that is needed of it at most.
        """
        raw = None
        if found.is_file:
            raw = yield from self.files.content(found.entry.oid, found.real)
            if raw is None:
                self._remark_size(found, is_leaf=is_leaf)
        if raw is not None and raw.startswith(LFS_POINTER):
            self.remark(
                Severity.ERROR,
                "lfs_pointer",
                f"{show(found.path)} is stored in Git LFS, so a build finds a pointer"
                " in its place; keep definitions in git itself.",
                path=found.path,
            )
            raw = None
        if raw is None:
            self.mean_bytes(found)
        return raw

    def mean(self, *row: str) -> None:
        """Add one fact to what the definition means; twice is as good as once."""
        self._meaning.add(tuple(storable(it) for it in row))

    def declare(self, name: str) -> None:
        """Note a distribution that the definition names itself."""
        if _DISTRIBUTION.fullmatch(name):
            self._declared.add(canonicalize_name(name))

    def mean_bytes(self, found: Found) -> None:
        """Count a path with what git has there, understood or not."""
        oid = found.entry.oid
        mode = FILE if found.entry.mode == EXECUTABLE else found.entry.mode
        self.mean("bytes", self.relative(found.path), mode, oid)

    def remark(
        self,
        severity: Severity,
        code: str,
        message: str,
        *,
        path: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        """Tell the user something, once."""
        finding = Finding(
            severity=severity,
            code=code,
            message=message,
            path=show(path, limit=None),
            line=line,
            column=column,
        )
        self._findings[finding] = None

    def give_up(self, path: str, code: str, what: str) -> None:
        """Stop following: from now on every commit counts as a change.

        What is not looked at may have changed; taking it for unchanged would be wrong.
        """
        self._is_partial = True
        self.remark(
            Severity.WARNING,
            code,
            f"{what}; what it pulls in is not followed, so every commit counts as a"
            " change. Make the definition smaller.",
            path=path,
        )

    def count_commit(self) -> None:
        """Let every change in the repository count."""
        self._is_partial = True

    def is_new(self, *visit: str) -> bool:
        """Say whether this is the first visit of its name; cycles end here."""
        if visit in self._visited:
            return False
        self._visited.add(visit)
        return True

    def relative(self, path: str) -> str:
        """Name a path from the context directory: equal directories look alike."""
        return relative(path, self.context_dir)

    def has(self, path: str) -> bool:
        """Say whether what a path names was made part of the closure."""
        return path in self._items

    def covers(self, path: str) -> bool:
        """Say whether a path or a directory above it counts with all that is in it."""
        parts = path.split("/")
        above = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
        items = (self._items.get(it) for it in (*above, "."))
        return any(it is not None and it.oid for it in items)

    def finish(self) -> Asking[None]:
        """Count the whole commit when some part of the definition was not followed."""
        if self._is_partial:
            root = (yield from self.files.find([""]))[""]
            self._put(Item(path=".", mode=DIRECTORY, oid=root.entry.oid, role="commit"))
            self.mean_bytes(root)

    @property
    def items(self) -> tuple[Item, ...]:
        """The closure, sorted by path."""
        return tuple(sorted(self._items.values(), key=lambda item: item.path))

    @property
    def declared(self) -> tuple[str, ...]:
        """The distributions that the definition names itself, sorted."""
        return tuple(sorted(self._declared))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the user should know, errors first, else in order of reading."""
        order = list(Severity)
        return tuple(sorted(self._findings, key=lambda it: order.index(it.severity)))

    @property
    def fingerprint(self) -> Fingerprint:
        """Digest the closure's bytes."""
        return digest(self._prints)

    @property
    def meaning(self) -> Fingerprint:
        """Digest what the closure means to its installers."""
        return digest(self._meaning)

    def _put(self, item: Item) -> None:
        known = self._items.get(item.path)
        # A path can count by its presence for one reader and as a whole for another;
        # the stronger claim stays.
        is_stronger = known is not None and item.oid and known.role == "code"
        if known is None or is_stronger or (item.oid and not known.oid):
            self._items[item.path] = item
        path = "" if item.path == "." else item.path
        self._prints.add((self.relative(path), item.mode, item.oid))

    def _remark_size(self, found: Found, *, is_leaf: bool) -> None:
        why = f"{show(found.path)} is larger than {MAX_CONTENT // 1024} KiB"
        if not is_leaf:
            self.give_up(found.path, "too_large", why)
            return
        self.remark(
            Severity.NOTE,
            "too_large",
            f"{why} and is not read, so every change of it counts, comments too.",
            path=found.path,
        )

    def _remark_trouble(self, found: Found, *, is_needed: bool) -> None:
        name = show(found.path)
        if found.trouble is Trouble.SUBMODULE or found.entry.mode == GITLINK:
            self.remark(
                Severity.WARNING,
                "submodule",
                f"{name} is in the submodule {show(found.real)}, which is not looked"
                " into: it counts as changed when the submodule's commit changes.",
                path=found.path,
            )
            return
        is_loop = found.trouble is Trouble.LOOP
        self.remark(
            Severity.ERROR if is_needed else Severity.WARNING,
            "symlink_loop" if is_loop else "symlink_escape",
            f"{name} is a symbolic link that "
            + ("leads back to itself" if is_loop else "leads out of the repository")
            + ", so a build does not find the file; put the file itself there.",
            path=found.path,
        )
