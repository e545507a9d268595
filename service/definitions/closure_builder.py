"""The builder of a closure: collects items, meaning and findings."""

from dataclasses import dataclass, field
from typing import Final

from service.definitions.closure_findings import (
    lfs_problem,
    path_problem,
    shorten_findings,
    size_problem,
)
from service.definitions.local.optional_dependencies import OptionalDependencies
from service.definitions.paths import Files, ResolvedPath, can_appear
from service.definitions.queries import Asking, max_bytes
from service.definitions.text import distribution_names, relative, show, storable
from service.domain.building.tools import DEFAULT_TOOLS, Tools
from service.domain.definition import (
    DIRECTORY,
    EXECUTABLE,
    FILE,
    SYMLINK,
    Entry,
    Item,
)
from service.domain.findings import Finding, Severity
from service.domain.fingerprint import Fingerprint, digest
from service.domain.repository import BlobId

__all__ = ["Reading", "Row"]

MAX_FILES: Final = 500
"""Paths in one closure. The largest known definitions have some dozens."""

LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
"""https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""

_OPTIONAL: Final = frozenset({"candidate", "code", "input", "vendor"})
"""Roles of paths that a build does not require."""

Row = tuple[str, ...]


@dataclass(slots=True)
class Reading:
    """The closure of one definition while it is read.

    One for each evaluation. It lives in the child that parses; only its result leaves.
    """

    context_dir: str
    files: Files = field(default_factory=Files)
    tools: Tools = DEFAULT_TOOLS
    """The tools that will install the definition."""
    python: str | None = None
    """The requested Python version, once it is known."""
    optional: OptionalDependencies = field(default_factory=OptionalDependencies)
    """The extras of local projects, which count where somebody asks for them."""
    _items: dict[str, Item] = field(default_factory=dict)
    _prints: set[Row] = field(default_factory=set)
    _meaning: set[Row] = field(default_factory=set)
    _declared: set[str] = field(default_factory=set)
    _findings: dict[Finding, None] = field(default_factory=dict)
    _visited: set[Row] = field(default_factory=set)
    _is_partial: bool = False
    _is_refused: bool = False
    _is_loose: bool = False

    def take(self, path: str, role: str) -> Asking[ResolvedPath]:
        """Resolve a path and add it to the closure, present or absent."""
        found = (yield from self.files.find([path]))[path]
        self.add(found, role)
        return found

    def add(self, found: ResolvedPath, role: str, *, whole: bool = True) -> None:
        """Add a resolved path to the closure.

        Args:
            found: The resolved path; the links on the way become items of their own.
            role: Why it is part of the closure.
            whole: Whether its content counts, or only its presence.
        """
        if self.is_full():
            return
        for path, link in found.links:
            # A link and its target are two items: a push may change where the link
            # leads while both files stay as they are, and the other way round.
            self._put(Item(path=path, mode=SYMLINK, oid=link.oid, role="link"))
            # A file that was replaced by a link counts as changed, whatever the target.
            self.mean("link", self.relative(path))
        # Installers read definitions and do not run them, so `chmod +x` is no change.
        mode = FILE if found.entry.mode == EXECUTABLE else found.entry.mode
        # Without the object id the item is compared by presence alone: a directory's id
        # would change with every file below it, also with those that no build reads.
        oid = found.entry.oid if whole else BlobId("")
        self._put(Item(path=found.real or ".", mode=mode, oid=oid, role=role))
        if found.trouble is not None:
            finding = path_problem(found, is_needed=role not in _OPTIONAL)
            self._findings[finding] = None

    def add_entry(self, path: str, entry: Entry, role: str) -> None:
        """Add a path with its entry in git's tree, without resolving it."""
        if not self.is_full():
            self._put(Item(path=path or ".", mode=entry.mode, oid=entry.oid, role=role))

    def is_full(self) -> bool:
        """Return whether `MAX_FILES` is reached; then the closure is partial."""
        if len(self._items) < MAX_FILES:
            return False
        self.give_up(
            "", "too_many_files", f"The definition pulls in more than {MAX_FILES} files"
        )
        return True

    def read(
        self, found: ResolvedPath, *, is_leaf: bool = False
    ) -> Asking[bytes | None]:
        """Return a file's content; None when it is absent, too large or an LFS pointer.

        Then the file already counts with its bytes, and there is a finding about it.

        Args:
            found: The resolved path of the file.
            is_leaf: Whether the file includes no others, so that its bytes suffice.
        """
        raw = None
        if found.is_file:
            raw = yield from self.files.content(found.entry.oid, found.real)
            if raw is None:
                self._remark_size(found, is_leaf=is_leaf)
        # The build clones without git-lfs, so its installer would parse the pointer.
        # Parsing it here would report a syntax error in a file that the user sees as
        # valid.
        if raw is not None and raw.startswith(LFS_POINTER):
            self._findings[lfs_problem(found)] = None
            raw = None
        if raw is None:
            self.loosen()
            self.mean_bytes(found)
        return raw

    def mean(self, *row: str) -> None:
        """Add one row to the meaning of the definition; duplicates are ignored."""
        if self._is_refused:
            return
        self._meaning.add(tuple(storable(text) for text in row))

    def refuse(self, *row: str) -> None:
        """End the meaning: its installer gets no further than what the row says.

        Only for what every version of the installer refuses: nothing is installed
        then, so an edit behind it changes nothing that could be.
        """
        self.loosen()
        self.mean("refused", *row)
        self._is_refused = True

    def declare(self, name: str) -> None:
        """Add a distribution that the definition names itself."""
        self._declared |= distribution_names(name)

    def mean_bytes(self, found: ResolvedPath) -> None:
        """Add a path's mode and object id to the meaning, not its parsed content."""
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
        """Add a finding; duplicates are ignored."""
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
        """Stop following files: from now on every commit counts as a change.

        A file that is not read may have changed, and taking it for unchanged would be
        wrong.
        """
        self._is_partial = True
        self.loosen()
        self.remark(
            Severity.WARNING,
            code,
            f"{what}; what it pulls in is not followed, so every commit counts as a"
            " change. Make the definition smaller.",
            path=path,
        )

    def loosen(self) -> None:
        """Note that some version is open, or may be."""
        self._is_loose = True

    @property
    def has_errors(self) -> bool:
        """Return whether something was found for which a build would fail."""
        return any(finding.severity is Severity.ERROR for finding in self._findings)

    @property
    def is_pinned(self) -> bool:
        """Return whether a second installation would install the same."""
        return not self._is_loose

    def count_commit(self) -> None:
        """Make every commit count as a change."""
        self._is_partial = True

    def is_new(self, *visit: str) -> bool:
        """Return whether this is the first visit under that name; ends cycles."""
        if visit in self._visited:
            return False
        self._visited.add(visit)
        return True

    def relative(self, path: str) -> str:
        """Return a path from the context directory, so that equal directories match."""
        return relative(path, self.context_dir)

    def has(self, path: str) -> bool:
        """Return whether a path is part of the closure."""
        return path in self._items

    def covers(self, path: str) -> bool:
        """Return whether a path, or a directory above it, counts as a whole."""
        parts = path.split("/")
        above = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
        items = (self._items.get(text) for text in (*above, "."))
        return any(item is not None and item.oid for item in items)

    def finish(self) -> Asking[None]:
        """Add what is known only at the end, such as a part that was not followed."""
        for row in self.optional.rows():
            self.mean(*row)
        if self._is_partial:
            # The tree's id, not the commit's: an empty commit or a rebased one with
            # equal content is still no change.
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
        """The findings, errors first, else in the order in which they were added."""
        return tuple(shorten_findings(tuple(self._findings)))

    @property
    def fingerprint(self) -> Fingerprint:
        """Digest the closure's bytes."""
        return digest(self._prints)

    @property
    def meaning(self) -> Fingerprint:
        """Digest what the closure means to its installers."""
        return digest(self._meaning)

    def _put(self, item: Item) -> None:
        if not can_appear(item):
            self._is_partial |= bool(item.oid)  # in the tree, so it may change
            return
        known = self._items.get(item.path)
        # One parser may need only the presence of a path: another's content wins.
        is_stronger = known is not None and item.oid and known.role == "code"
        if known is None or is_stronger or (item.oid and not known.oid):
            self._items[item.path] = item
        # Relative to the context directory, so that moving a whole definition to
        # another directory leaves its fingerprint, and so the environment, as it is.
        path = "" if item.path == "." else item.path
        self._prints.add((self.relative(path), item.mode, item.oid))

    def _remark_size(self, found: ResolvedPath, *, is_leaf: bool) -> None:
        limit = max_bytes(found.real) // 1024
        why = f"{show(found.path)} is larger than {limit} KiB"
        if is_leaf:
            self._findings[size_problem(found, why)] = None
        else:
            self.give_up(found.path, "too_large", why)
