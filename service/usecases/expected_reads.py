"""Predict what an evaluation will read, from the closure that was read last.

Most pushes leave the set of files of a definition as it is, so the paths of the last
closure, together with the files that any definition starts from, are nearly always
all that the next evaluation reads.
"""

import posixpath
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from service.definitions.kinds.names import CANDIDATES, LOCKS, RULES_ABOVE
from service.domain.definition import ABSENT, DIRECTORY, SYMLINK, Item
from service.domain.source import Seen
from service.forges.changed_paths import is_likely, may_be_read
from service.ports.remote import ExpectedReads

__all__ = ["MAX_NEW", "MAX_UNLIKELY", "expect_reads"]

_STARTS: Final = (*CANDIDATES, *LOCKS, "poetry.lock", "setup.py", "setup.cfg")
"""Files of the context directory that a definition without a history may consist of."""
_PROJECTS: Final = frozenset({"pyproject.toml", "setup.py"})
"""Files that make a directory a project."""
MAX_NEW: Final = 8
"""Files of a push that no closure held so far; a project that joins has a few."""
MAX_UNLIKELY: Final = 2
"""Of those, files that look like any other: a text may be data of megabytes."""
MAX_JOINING: Final = 2
"""New projects of a push that are listed with everything below them."""
_MAX_LENGTH: Final = 500
_MAX_LEVELS: Final = 30
"""Of a path that is foretold: far more than repositories have."""
_UNREAD: Final = frozenset({"code", "commit"})
"""Roles of items that count by their object id alone."""


def expect_reads(
    seen: Seen | None, context_dir: str, changed_paths: Sequence[str] = ()
) -> ExpectedReads:
    """Return what the next evaluation of a source will probably read.

    Args:
        seen: What was last seen there; None before the first evaluation.
        context_dir: The directory of the definition; empty for the root.
        changed_paths: Files that pushes say they changed, the likeliest first.
    """
    items = [item for item in seen.items if _is_usual(item.path)] if seen else []
    starts = tuple(posixpath.join(context_dir, name) for name in _STARTS)
    # Paths of the last closure first: a remote with a limit for one request takes them
    # in this order, and the others are guesses.
    known = tuple(item.path for item in items if _is_read(item))
    usual = [path for path in changed_paths if _is_usual(path)]
    # What was pushed comes before everything: the rest may be in a cache, it is not.
    pushed = _pushed(usual, known, starts)
    # A push that names what it changed would name a file that is new. Where nothing was
    # read last, nothing else would ask for more than the head.
    guesses = () if known and usual else starts
    files = tuple(dict.fromkeys((*pushed, *known, *guesses)))
    listings = frozenset(_listed(items))
    joining = _joining(pushed, known, listings) if seen else ()
    is_large = _is_root_large(items, listings)
    places = listings | {""} if is_large else listings
    # Directories that count are known by their ids: those that a push changed are new.
    counted = [path for path in usual if not places.isdisjoint(_around(path))]
    directories = {
        above
        for path in (
            *files,
            *(item.path for item in items),
            *listings,
            *joining,
            *counted,
        )
        for above in _above(path)
    }
    changed = {above for path in (*pushed, *counted) for above in _around(path)}
    return ExpectedReads(
        files=files,
        # Parents first: a remote that can take only some of them takes those on the
        # way to the others.
        directories=tuple(
            sorted(
                directories,
                key=lambda path: (path not in changed, path.count("/"), path),
            )
        ),
        listings=(
            *joining,
            *sorted(listings, key=lambda path: (path not in changed, path)),
        ),
        large=("",) if is_large else (),
    )


def _pushed(
    changed_paths: Iterable[str], known: Collection[str], starts: Collection[str]
) -> tuple[str, ...]:
    """Return what pushes changed of the last closure, and what may have joined it."""
    changed = dict.fromkeys(changed_paths)
    expected = {*known, *starts}
    projects = {
        posixpath.dirname(path)
        for path in (*known, *changed)
        if posixpath.basename(path) in _PROJECTS
    }
    places = {posixpath.dirname(path) for path in known}
    new = [path for path in changed if path not in expected and may_be_read(path)]
    near: list[str] = []
    others: list[str] = []
    for path in new:
        if _is_near(path, places, projects):
            near.append(path)
        elif not path.endswith(".py"):
            others.append(path)
    return (
        *(path for path in changed if path in expected),
        *(*near, *others[:MAX_UNLIKELY])[:MAX_NEW],
    )


def _is_near(path: str, places: Collection[str], projects: Collection[str]) -> bool:
    """Return whether a file looks like a definition's, or lies where one has files."""
    if path.endswith(".py"):
        return _is_beside(path, projects)
    return is_likely(path) or posixpath.dirname(path) in places


def _is_beside(path: str, projects: Collection[str]) -> bool:
    """Return whether a program is a project's own, or lies one directory below it.

    Builds run such programs; what lies deeper is code that counts by its id alone.
    """
    folder = posixpath.dirname(path)
    return folder in projects or (
        bool(folder) and posixpath.dirname(folder) in projects
    )


def _joining(
    pushed: Iterable[str], known: Collection[str], listings: Collection[str]
) -> tuple[str, ...]:
    """Return the directories of projects that came with a push."""
    new = dict.fromkeys(
        posixpath.dirname(path)
        for path in pushed
        if posixpath.basename(path) in _PROJECTS and path not in known
    )
    return tuple(path for path in new if path and path not in listings)[:MAX_JOINING]


def _is_usual(path: str) -> bool:
    """Return whether a path is foretold; others are read when they are asked for.

    Everybody waits for this, and a stranger's path may have a thousand levels, each of
    which is a directory above it.
    """
    return len(path) <= _MAX_LENGTH and path.count("/") <= _MAX_LEVELS


def _is_read(item: Item) -> bool:
    """Return whether an item's content was read, and not only its id."""
    if item.mode == SYMLINK:
        return True
    is_file = bool(item.oid) and item.mode not in {DIRECTORY, ABSENT}
    return is_file and item.role not in _UNREAD


def _listed(items: Iterable[Item]) -> Iterable[str]:
    """Yield the directories that count with everything below them.

    An installed project is listed, and its entries are items, each with its own id; a
    directory that another buildpack reads is an item itself. The root as an item is a
    definition that could not be followed: it was not listed.
    """
    for item in items:
        # Rules of version control count in directories above, which nobody lists.
        is_rule = posixpath.basename(item.path) in RULES_ABOVE
        if item.path == "." or is_rule:
            continue
        if item.role == "code":
            yield posixpath.dirname(item.path)
        elif item.mode == DIRECTORY and item.oid:
            yield item.path


def _is_root_large(items: Iterable[Item], listings: Collection[str]) -> bool:
    """Return whether the root was a project of too many directories to list."""
    return "" not in listings and any(
        item.path == "." and item.mode == DIRECTORY and item.oid for item in items
    )


def _around(path: str) -> Iterable[str]:
    """Yield the directories that a path is in, the root too."""
    yield from _above(path)
    yield ""


def _above(path: str) -> Iterable[str]:
    """Yield the directories above a path, without the root."""
    above = posixpath.dirname(path)
    while above:
        yield above
        above = posixpath.dirname(above)
