"""What a directory's requirements.txt depends on, worked out from `git` alone.

Written apart from the service, and as simply as it can be: list the whole tree, read
every file, follow every include. It knows what the histories of
`tests/look/test_histories.py` hold and nothing else.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.repos import Repo

MAX_HOPS = 40


@dataclass
class Snapshot:
    """One commit, whole."""

    modes: dict[str, str]
    ids: dict[str, str]
    content: dict[str, bytes]

    @classmethod
    def of(cls, repo: Repo, commit: str) -> "Snapshot":
        modes, ids = {}, {}
        for row in repo.git("ls-tree", "-r", "-t", "-z", commit).split(b"\0"):
            if row:
                head, _, path = row.decode().partition("\t")
                modes[path], _, ids[path] = head.split()
        blobs = [path for path, mode in modes.items() if mode != "040000"]
        return cls(
            modes, ids, dict(zip(blobs, _read_all(repo, ids, blobs), strict=True))
        )


def _read_all(repo: Repo, ids: dict[str, str], paths: list[str]) -> Iterator[bytes]:
    asked = "".join(f"{ids[path]}\n" for path in paths).encode()
    rest = repo.git("cat-file", "--batch", stdin=asked)
    for _ in paths:
        head, _, rest = rest.partition(b"\n")
        size = int(head.split()[2])
        yield rest[:size]
        rest = rest[size + 1 :]


@dataclass
class Closure:
    """What counts: every path that was met on the way, as it was found."""

    met: dict[str, str] = field(default_factory=dict)
    pending: set[tuple[str, str]] = field(default_factory=set)
    """Requirements and constraints, without comments and order."""
    read: set[tuple[str, str]] = field(default_factory=set)


def closure(repo: Repo, commit: str, context_dir: str) -> Closure | None:
    """Return the closure; None when there is no requirements.txt."""
    snapshot = Snapshot.of(repo, commit)
    found = Closure()
    start = posixpath.join(context_dir, "requirements.txt")
    target = _resolve(snapshot, start, found)
    if target is None or snapshot.modes[target] == "040000":
        return None
    _read(snapshot, start, "require", found)
    return found


def _read(snapshot: Snapshot, path: str, sense: str, found: Closure) -> None:
    """Follow a file as pip does: includes are relative to the name it was given."""
    target = _resolve(snapshot, path, found)
    if target is None or target not in snapshot.content:
        found.pending.add((sense, f"nothing at {path}"))
        return
    if (target, sense) in found.read:
        return
    found.read.add((target, sense))
    for raw in snapshot.content[target].decode().splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        include = re.fullmatch(r"-([rc])\s+(\S+)", line)
        if include is None:
            found.pending |= {(sense, line)} if line else set()
            continue
        inner = "constrain" if include[1] == "c" else sense
        _read(snapshot, f"{posixpath.dirname(path)}/{include[2]}", inner, found)


def _resolve(snapshot: Snapshot, path: str, found: Closure) -> str | None:
    """Walk a path as the system would; None when nothing is there."""
    todo = [part for part in path.split("/") if part]
    here: list[str] = []
    hops = 0
    while todo:
        step = todo.pop(0)
        if step == "..":
            if not here:
                return None
            here.pop()
            continue
        if step == ".":
            continue
        name = "/".join([*here, step])
        mode = snapshot.modes.get(name, "absent")
        # A directory that is only passed through says nothing by its id.
        is_tree = mode == "040000"
        found.met[name] = mode if is_tree else f"{mode} {snapshot.ids.get(name)}"
        if mode == "absent" or (todo and mode == "100644"):
            return None
        if mode != "120000":
            here.append(step)
            continue
        hops += 1
        target = snapshot.content[name].decode()
        if hops > MAX_HOPS or target.startswith("/"):
            return None
        todo = [part for part in target.split("/") if part] + todo
    return "/".join(here) or None
