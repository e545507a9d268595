"""Read one commit of a remote, without its history and without a working tree.

A partial clone (https://git-scm.com/docs/partial-clone) of depth one: the trees are
fetched at once, each file when it is read. Servers that cannot filter send
everything; servers that do not serve commits by id send all branches and tags.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from service.adapters.git.command import MAX_OUTPUT, CommandResult, Git
from service.adapters.git.errors import is_too_large, refuses_ids, translate_failure
from service.adapters.git.transport import GitEndpoint
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

__all__ = ["NOTHING", "GitTree", "is_tree_path", "normalize_mode"]

NOTHING: Final = Entry(mode=ABSENT, oid=BlobId(""))

MAX_PATH: Final = 4096
"""Bytes; PATH_MAX of Linux, so git could not check out a longer path."""

MAX_HEADER: Final = 256
"""Bytes that `cat-file --batch` prints before and after the content."""

MAX_ARGUMENTS: Final = 64 * 1024
"""Bytes of paths in one command; systems allow at least twice as much (ARG_MAX)."""

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
"""The first line of https://git-scm.com/docs/git-cat-file#_batch_output."""


class GitTree:
    """Implement the port `Tree` for one commit of a remote.

    `GitRemote.tree` makes one for each evaluation that reads files; it lives as long
    as its temporary folder, which the maker removes.

    Args:
        git: Runs the commands.
        folder: An empty folder for this tree alone.
        endpoint: The repository.
        commit: The id of the commit.
        max_download: How many bytes one fetch may download.
    """

    def __init__(
        self,
        *,
        git: Git,
        folder: Path,
        endpoint: GitEndpoint,
        commit: CommitSha,
        max_download: int,
    ) -> None:
        self._git = git
        self._folder = folder
        self._url = endpoint.url
        self._config = {**endpoint.config, "remote.origin.url": endpoint.url}
        self._commit = commit
        self._max_download = max_download
        self._root = NOTHING

    async def fetch(self) -> None:
        """Fetch the commit and its trees.

        Raises:
            RemoteRefusedError: The repository or the commit does not exist.
            PermanentError: The download exceeds `max_download`.
            TransientError: The remote did not answer, or not in time.
        """
        hashing = "sha1" if len(self._commit) == 40 else "sha256"  # noqa: PLR2004 - hex digits
        await self._run_checked(
            "init", "--quiet", "--bare", "--template=", f"--object-format={hashing}"
        )
        # By id, as the head was read by one: a fetch of the branch could give a newer
        # commit than the one that is evaluated.
        result = await self._fetch(
            "--depth=1", "--filter=blob:none", wanted=self._commit
        )
        if refuses_ids(result):
            # Without a filter: such a server would not serve single files later on,
            # either. --update-shallow accepts refs of a repository that is shallow.
            result = await self._fetch(
                "--no-filter", "--update-shallow", wanted=_ALL_REFS
            )
        if result.code:
            raise translate_failure(result, self._operation)
        self._root = Entry(mode=DIRECTORY, oid=await self._root_id())

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        wanted = frozenset(paths)
        entries = dict.fromkeys(wanted, NOTHING)
        if "" in wanted:
            entries[""] = self._root
        # Only paths that git can have: `..` or an empty part would make `ls-tree` fail
        # for the whole batch.
        for batch in _split_batches(path for path in wanted if is_tree_path(path)):
            result = await self._run_checked(
                "ls-tree", "-z", "-t", "--end-of-options", self._commit, *batch
            )
            listed = _parse_listing(result.out)
            entries |= {path: listed[path] for path in batch if path in listed}
        return entries

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        top = (await self.entries([path]))[path]
        if top.mode != DIRECTORY:
            return None
        result = await self._run(
            "ls-tree", "-z", "-r", "-t", "--end-of-options", top.oid
        )
        if result.is_cut:
            return None
        if result.code:
            raise translate_failure(result, self._operation)
        listed = _parse_listing(result.out)
        # By directories and not by files, as in the trees of APIs, where each directory
        # is a request: all implementations refuse at the same size.
        if sum(item.mode == DIRECTORY for item in listed.values()) >= limit:
            return None
        return {
            f"{path}/{below}" if path else below: entry
            for below, entry in listed.items()
            if "/" not in below or entry.mode == SYMLINK
        }

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        result = await self._cat(oid, limit)
        if refuses_ids(result):
            # The promised blob was requested by id, and the server refused that.
            await self._fetch_files()
            result = await self._cat(oid, limit)
        if is_too_large(result):
            return None
        # A missing blob is printed as `… missing` with exit code 0, so the first line
        # decides and not the code.
        head = _BLOB.match(result.out)
        if head is None:
            raise translate_failure(result, f"read a file of {self._url}")
        size = int(head[1])
        return result.out[head.end() :][:size] if size <= limit else None

    async def _root_id(self) -> BlobId:
        result = await self._run("rev-parse", "--verify", f"{self._commit}^{{tree}}")
        if result.code:
            raise RemoteRefusedError(
                f"{self._url} has no commit {self._commit} among its branches and tags"
            )
        return BlobId(result.out.decode("ascii").strip())

    async def _cat(self, oid: BlobId, limit: int) -> CommandResult:
        # The limit applies to the pack that git fetches for a missing blob. Content
        # that does not compress makes a pack slightly larger than itself.
        max_file = limit + limit // 64 + 64 * 1024
        return await self._run(
            "cat-file",
            "--batch",
            stdin=f"{oid}\n".encode(),
            limit=limit + MAX_HEADER,
            max_file=max_file,
        )

    async def _fetch_files(self) -> None:
        """Fetch all files of the commit, from a server that serves none by id."""
        result = await self._fetch(
            "--depth=1", "--refetch", "--no-filter", wanted=self._commit
        )
        if result.code:
            raise translate_failure(result, self._operation)

    async def _fetch(
        self, *options: str, wanted: str | tuple[str, ...]
    ) -> CommandResult:
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

    async def _run_checked(self, *arguments: str) -> CommandResult:
        result = await self._run(*arguments)
        if result.code or result.is_cut:
            raise translate_failure(result, self._operation)
        return result

    async def _run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        limit: int = MAX_OUTPUT,
        max_file: int | None = None,
    ) -> CommandResult:
        return await self._git.run(
            *arguments,
            folder=self._folder,
            config=self._config,
            stdin=stdin,
            limit=limit,
            max_file=max_file,
        )

    @property
    def _operation(self) -> str:
        return f"fetch commit {self._commit[:12]} of {self._url}"


def is_tree_path(path: str) -> bool:
    """Return whether a path can exist in a git tree."""
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


def _split_batches(paths: Iterable[str]) -> Iterable[tuple[str, ...]]:
    """Split paths into batches for one command each.

    A directory and a path below it are never in one batch.
    """
    # With both in one command, `ls-tree` lists the whole directory, which may hold
    # any number of entries. Paths of one depth cannot contain each other.
    levels: defaultdict[int, list[str]] = defaultdict(list)
    for path in sorted(paths):
        levels[path.count("/")].append(path)
    for level in levels.values():
        yield from _split_level(level)


def _split_level(paths: list[str]) -> Iterable[tuple[str, ...]]:
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


def _parse_listing(out: bytes) -> Mapping[str, Entry]:
    """Parse the output of `ls-tree -z`: mode, type and id, a tab, the unquoted path."""
    rows = (row.partition(b"\t") for row in out.split(b"\0") if row)
    return {
        path.decode("utf-8", "surrogateescape"): _entry(*head.decode("ascii").split())
        for head, _, path in rows
    }


def _entry(mode: str, _type: str, oid: str) -> Entry:
    return Entry(mode=normalize_mode(mode), oid=BlobId(oid))


def normalize_mode(mode: str) -> str:
    """Map a mode that an old tool wrote, such as 100664, to the one git uses today."""
    if mode in {SYMLINK, GITLINK, DIRECTORY}:
        return mode
    return EXECUTABLE if int(mode, 8) & 0o100 else FILE
