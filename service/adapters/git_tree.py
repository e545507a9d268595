"""One commit of a remote, without its history and without a working tree.

The trees of the commit are fetched at once and its files when they are read: a
partial fetch, https://git-scm.com/docs/partial-clone. Servers that cannot filter
send everything, and servers that only hand out refs are asked for those.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from service.adapters.git_command import MAX_OUTPUT, Git, Said
from service.adapters.git_errors import failure, is_too_large, refuses_ids
from service.adapters.git_roads import Road
from service.domain.definition import (
    ABSENT,
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Entry,
)
from service.domain.repository import BlobId, CommitSha
from service.errors import RemoteRefusedError

__all__ = ["NOTHING", "GitTree", "canonical", "is_tree_path"]

NOTHING: Final = Entry(mode=ABSENT, oid=BlobId(""))

MAX_PATH: Final = 4096
"""Bytes; no file system that git could check it out on takes a longer path."""

MAX_HEADER: Final = 256
"""Bytes before and after the content that `cat-file --batch` says."""

MAX_ARGUMENTS: Final = 64 * 1024
"""Bytes of paths given to one command; systems take at least twice as much."""

_FETCH: Final = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
)
_ALL_REFS: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_BLOB: Final = re.compile(rb"[0-9a-f]+ blob (\d+)\n")
"""How `cat-file --batch` begins: https://git-scm.com/docs/git-cat-file#_batch_output"""


class GitTree:
    """The files of one commit of a remote.

    Args:
        git: Runs the commands.
        folder: An empty folder that is the tree's own.
        road: Where the commit is.
        commit: Its id.
        max_download: How many bytes one fetch may bring.
    """

    def __init__(
        self,
        *,
        git: Git,
        folder: Path,
        road: Road,
        commit: CommitSha,
        max_download: int,
    ) -> None:
        self._git = git
        self._folder = folder
        self._url = road.url
        self._config = {**road.config, "remote.origin.url": road.url}
        self._commit = commit
        self._max_download = max_download
        self._root = NOTHING

    async def fetch(self) -> None:
        """Bring the commit and its trees.

        Raises:
            RemoteRefusedError: The repository or the commit is not there.
            PermanentError: It is larger than may be fetched.
            TransientError: The remote did not answer, or not in time.
        """
        hashing = "sha1" if len(self._commit) == 40 else "sha256"  # noqa: PLR2004 - hex digits
        await self._sure(
            "init", "--quiet", "--bare", "--template=", f"--object-format={hashing}"
        )
        said = await self._fetch("--depth=1", "--filter=blob:none", wanted=self._commit)
        if refuses_ids(said):
            said = await self._fetch(
                "--no-filter", "--update-shallow", wanted=_ALL_REFS
            )
        if said.code:
            raise failure(said, self._doing)
        self._root = Entry(mode=DIRECTORY, oid=await self._root_id())

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        asked = frozenset(paths)
        found = dict.fromkeys(asked, NOTHING)
        if "" in asked:
            found[""] = self._root
        for batch in _batches(it for it in asked if is_tree_path(it)):
            said = await self._sure(
                "ls-tree", "-z", "-t", "--end-of-options", self._commit, *batch
            )
            listed = _listed(said.out)
            found |= {path: listed[path] for path in batch if path in listed}
        return found

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        top = (await self.entries([path]))[path]
        if top.mode != DIRECTORY:
            return None
        said = await self._run("ls-tree", "-z", "-r", "-t", "--end-of-options", top.oid)
        if said.is_cut:
            return None
        if said.code:
            raise failure(said, self._doing)
        listed = _listed(said.out)
        if sum(it.mode == DIRECTORY for it in listed.values()) >= limit:
            return None
        return {
            f"{path}/{below}" if path else below: entry
            for below, entry in listed.items()
            if "/" not in below or entry.mode == SYMLINK
        }

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        said = await self._cat(oid, limit)
        if refuses_ids(said):
            await self._fetch_files()
            said = await self._cat(oid, limit)
        if is_too_large(said):
            return None
        head = _BLOB.match(said.out)
        if head is None:
            raise failure(said, f"read a file of {self._url}")
        size = int(head[1])
        return said.out[head.end() :][:size] if size <= limit else None

    async def _root_id(self) -> BlobId:
        said = await self._run("rev-parse", "--verify", f"{self._commit}^{{tree}}")
        if said.code:
            raise RemoteRefusedError(
                f"{self._url} has no commit {self._commit} among its branches and tags"
            )
        return BlobId(said.out.decode("ascii").strip())

    async def _cat(self, oid: BlobId, limit: int) -> Said:
        # What compresses worst still fits into a pack a little larger than itself.
        max_file = limit + limit // 64 + 64 * 1024
        return await self._run(
            "cat-file",
            "--batch",
            stdin=f"{oid}\n".encode(),
            limit=limit + MAX_HEADER,
            max_file=max_file,
        )

    async def _fetch_files(self) -> None:
        """Bring the commit's files, from a server that gives none by its id."""
        said = await self._fetch(
            "--depth=1", "--refetch", "--no-filter", wanted=self._commit
        )
        if said.code:
            raise failure(said, self._doing)

    async def _fetch(self, *options: str, wanted: str | tuple[str, ...]) -> Said:
        refs = (wanted,) if isinstance(wanted, str) else wanted
        return await self._run(
            *_FETCH,
            *options,
            "--stdin",
            "--end-of-options",
            "origin",
            stdin="".join(f"{ref}\n" for ref in refs).encode(),
            max_file=self._max_download,
        )

    async def _sure(self, *arguments: str) -> Said:
        said = await self._run(*arguments)
        if said.code or said.is_cut:
            raise failure(said, self._doing)
        return said

    async def _run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        limit: int = MAX_OUTPUT,
        max_file: int | None = None,
    ) -> Said:
        return await self._git.run(
            *arguments,
            folder=self._folder,
            config=self._config,
            stdin=stdin,
            limit=limit,
            max_file=max_file,
        )

    @property
    def _doing(self) -> str:
        return f"fetch commit {self._commit[:12]} of {self._url}"


def is_tree_path(path: str) -> bool:
    """Say whether git could have anything at a path."""
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    parts = raw.split(b"/")
    return (
        len(raw) <= MAX_PATH
        and b"\0" not in raw
        and not any(part in {b"", b".", b".."} for part in parts)
    )


def _batches(paths: Iterable[str]) -> Iterable[tuple[str, ...]]:
    """Cut paths into what one command takes.

    A directory and something below it never meet in one command: git would list
    the whole directory.
    """
    levels: defaultdict[int, list[str]] = defaultdict(list)
    for path in sorted(paths):
        levels[path.count("/")].append(path)
    for level in levels.values():
        yield from _cut(level)


def _cut(paths: list[str]) -> Iterable[tuple[str, ...]]:
    batch: list[str] = []
    size = 0
    for path in paths:
        length = len(path.encode("utf-8", "surrogateescape")) + 1
        if batch and size + length > MAX_ARGUMENTS:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield tuple(batch)


def _listed(out: bytes) -> Mapping[str, Entry]:
    """Read `ls-tree -z`: mode, type and id, then a tab and the path as it is."""
    rows = (row.partition(b"\t") for row in out.split(b"\0") if row)
    return {
        path.decode("utf-8", "surrogateescape"): _entry(*head.decode("ascii").split())
        for head, _, path in rows
    }


def _entry(mode: str, _type: str, oid: str) -> Entry:
    return Entry(mode=canonical(mode), oid=BlobId(oid))


def canonical(mode: str) -> str:
    """Fold modes that old tools wrote into the ones that git writes today."""
    if mode in {SYMLINK, GITLINK, DIRECTORY}:
        return mode
    return EXECUTABLE if int(mode, 8) & 0o100 else FILE
