"""What a bare repository holds, asked of git."""

import re
import subprocess
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from cachetools import LRUCache

from tests.support.repos import ENVIRONMENT, Repo

ZERO = "0" * 40
_FORMAT = "%x1e%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00"
_RAW = re.compile(rb":(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) ([A-Z])\d*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a tree."""

    path: str
    mode: str
    kind: str
    """`blob`, `tree` or `commit`."""
    sha: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    name: str
    email: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that differs between two trees."""

    letter: str
    """`A`dded, `M`odified, `D`eleted, `R`enamed, `T`ype changed."""
    old_path: str
    path: str
    old_mode: str
    mode: str
    old_sha: str
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    id: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str
    changes: tuple[Change, ...] = field(default=())
    """Against the first parent, where they were asked for."""

    @property
    def title(self) -> str:
        return self.message.partition("\n")[0]


P = ParamSpec("P")
T = TypeVar("T")

_BY_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?(\Z|:|\^\{tree\}\Z)")
_KNOWN: Final[LRUCache[Hashable, Any]] = LRUCache(maxsize=2048)


def _once(
    read: Callable[Concatenate[Repo, str, P], T],
) -> Callable[Concatenate[Repo, str, P], T]:
    """Ask git once for what is named by an id, and so never changes.

    Half of what the tests of evaluations took was git's start for one object. What is
    not there may be pushed, so nothing is remembered of it.
    """

    @wraps(read)
    def read_once(repo: Repo, name: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not _BY_ID.match(name):
            return read(repo, name, *args, **kwargs)
        # Another repository may have been made at the same place.
        made = (repo.path / "config").stat()
        key = (read, repo.path, made.st_ino, made.st_mtime_ns, name, str(kwargs))
        if key not in _KNOWN:
            found = read(repo, name, *args, **kwargs)
            if found is None:
                return found
            _KNOWN[key] = found
        known: T = _KNOWN[key]
        return known

    return read_once


@_once
def find(repo: Repo, expression: str) -> tuple[str, str, int] | None:
    """Return id, kind and size of an object; None when there is none."""
    if "\n" in expression or not expression.strip():
        return None
    asked = expression.encode("utf-8", "surrogateescape") + b"\n"
    said = repo.git("cat-file", "--batch-check", stdin=asked).decode().split()
    if len(said) != 3 or said[1] not in {"blob", "tree", "commit", "tag"}:
        return None
    return said[0], said[1], int(said[2])


def find_commit(repo: Repo, name: str) -> str | None:
    """Resolve as forges do: a branch, then a tag, then anything that git knows."""
    for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", name):
        found = find(repo, f"{candidate}^{{commit}}")
        if found:
            return found[0]
    return None


@_once
def content(repo: Repo, sha: str) -> bytes:
    said = repo.git("cat-file", "--batch", stdin=f"{sha}\n".encode())
    head, _, rest = said.partition(b"\n")
    return rest[: int(head.split()[2])]


def refs(repo: Repo, *patterns: str) -> dict[str, str]:
    """Return what refs point at, tag objects unpeeled, ordered by name."""
    said = repo.git("for-each-ref", "--format=%(objectname) %(refname)", *patterns)
    pairs = (line.split(" ", 1) for line in said.decode().splitlines())
    return {name: sha for sha, name in pairs}


def default_branch(repo: Repo) -> str:
    name = repo.git("symbolic-ref", "HEAD").decode().strip()
    return name.removeprefix("refs/heads/")


@_once
def entries(repo: Repo, tree: str, *, is_deep: bool = False) -> list[Entry]:
    """List a tree; with its directories, each before what it holds, when deep."""
    flags = ("-r", "-t") if is_deep else ()
    said = repo.git("ls-tree", "-z", "-l", *flags, tree)
    return [_entry(line) for line in said.split(b"\0") if line]


def _entry(line: bytes) -> Entry:
    head, _, path = line.partition(b"\t")
    mode, kind, sha, size = head.decode().split()
    return Entry(
        path=path.decode("utf-8", "replace"),
        mode=mode,
        kind=kind,
        sha=sha,
        size=None if size == "-" else int(size),
    )


def entry_at(repo: Repo, tree: str, path: str) -> Entry | None:
    """Return what a tree or commit has at a path, links unfollowed."""
    folder, _, name = path.rpartition("/")
    about = find(repo, f"{tree}:{folder}") if folder else find(repo, f"{tree}^{{tree}}")
    if about is None or about[1] != "tree":
        return None
    return next(
        (entry for entry in entries(repo, about[0]) if entry.path == name), None
    )


def last_change(repo: Repo, commit: str, path: str) -> str:
    """Return the newest commit, as seen from another, that changed a path."""
    return repo.git("rev-list", "--max-count=1", commit, "--", path).decode().strip()


def log(repo: Repo, *revisions: str, limit: int | None = None) -> list[Commit]:
    """List commits, newest first, without what they change."""
    flags = [f"--max-count={limit}"] if limit is not None else []
    said = repo.git(
        "log", "--topo-order", f"--format={_FORMAT}", *flags, *revisions, "--"
    )
    return [_commit(part) for part in said.decode("utf-8", "replace").split("\x1e")[1:]]


def log_with_changes(repo: Repo, *revisions: str, renames: bool) -> list[Commit]:
    """List commits, newest first, with what each changes against its first parent."""
    flags = ["--raw", "-r", "-z", "--no-abbrev", "--root", "--diff-merges=first-parent"]
    flags.append("--find-renames" if renames else "--no-renames")
    said = repo.git("log", "--topo-order", f"--format={_FORMAT}", *flags, *revisions)
    found = []
    for record in said.split(b"\x1e")[1:]:
        *words, rest = record.split(b"\0", 10)
        found.append(_made([word.decode("utf-8", "replace") for word in words], rest))
    return found


@_once
def one(repo: Repo, sha: str) -> Commit:
    return log(repo, sha, limit=1)[0]


def changes(
    repo: Repo, old: str, new: str, *, renames: bool = True
) -> tuple[Change, ...]:
    """Compare two trees or commits."""
    flag = "--find-renames" if renames else "--no-renames"
    said = repo.git("diff-tree", "-r", "-z", "--raw", "--no-abbrev", flag, old, new)
    return _changes(said)


def line_counts(repo: Repo, old: str, new: str) -> dict[str, tuple[int, int]]:
    """Return how many lines were added and removed, by path; none of binary files."""
    said = repo.git("diff-tree", "-r", "-z", "--numstat", "--find-renames", old, new)
    counts, words = {}, iter(said.decode("utf-8", "replace").split("\0"))
    for word in words:
        added, _, rest = word.partition("\t")
        removed, tab, path = rest.partition("\t")
        if not tab:
            continue
        if not path:  # a rename: the old path and the new one follow
            next(words)
            path = next(words)
        if added != "-":
            counts[path] = (int(added), int(removed))
    return counts


def merge_base(repo: Repo, one: str, other: str) -> str | None:
    command = ["git", "-C", str(repo.path), "merge-base", one, other]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    return done.stdout.decode().strip() or None  # it fails where there is none


def count(repo: Repo, revisions: str) -> int:
    return int(repo.git("rev-list", "--count", revisions, "--"))


def is_ancestor(repo: Repo, older: str, newer: str) -> bool:
    return not repo.git("rev-list", "--max-count=1", older, f"^{newer}", "--").strip()


def _commit(text: str) -> Commit:
    return _made(text.split("\0")[:10], b"")


def _made(words: Sequence[str], rest: bytes) -> Commit:
    sha, tree, parents, author, email, at, committer, c_email, c_at, message = words
    return Commit(
        id=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=Person(name=author, email=email, at=datetime.fromisoformat(at)),
        committer=Person(
            name=committer, email=c_email, at=datetime.fromisoformat(c_at)
        ),
        message=message,
        changes=_changes(rest.lstrip(b"\0\n")),
    )


def _changes(said: bytes) -> tuple[Change, ...]:
    found, words = [], iter(said.split(b"\0"))
    for head in words:
        match = _RAW.match(head.strip())
        if match is None:
            continue
        old_mode, mode, old_sha, sha, letter = (
            group.decode() for group in match.groups()
        )
        old_path = path = next(words).decode("utf-8", "replace")
        if letter in "RC":
            path = next(words).decode("utf-8", "replace")
        found.append(
            Change(
                letter=letter,
                old_path=old_path,
                path=path,
                old_mode=old_mode,
                mode=mode,
                old_sha=old_sha,
                sha=sha,
            )
        )
    return tuple(found)
