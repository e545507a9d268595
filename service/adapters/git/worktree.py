"""Read a local working directory as git would read its next commit."""

import asyncio
import errno
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from service.adapters.git.object_ids import blob_id, hash_blob
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
from service.errors import InvalidRequestError, NotFoundError

__all__ = ["Folder"]

_NOTHING: Final = Entry(mode=ABSENT, oid=BlobId(""))
_CHUNK: Final = 1024 * 1024
_STEP: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a named pipe would block until somebody writes to it.
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_THERE: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
)


class Folder:
    """The files below a folder, with the modes and ids git would give them.

    Nothing outside the folder is ever read: no component of a path may be a symlink.
    Ignored and untracked files are included, since the next commit may hold them.
    Directories have no id, because it would depend on what is ignored.

    Args:
        root: The root directory of the repository.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths: dict[BlobId, str] = {}

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        return await asyncio.to_thread(self._entries, frozenset(paths))

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        return await asyncio.to_thread(self._listing, path, limit)

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        return await asyncio.to_thread(self._read, oid, limit)

    def _entries(self, paths: frozenset[str]) -> Mapping[str, Entry]:
        entries = {path: self._entry(path) for path in paths}
        self._note_paths(entries)
        return entries

    def _note_paths(self, entries: Mapping[str, Entry]) -> None:
        """Remember the path of every blob id, for `read`, which gets only the id."""
        for path, entry in entries.items():
            if entry.mode in {FILE, EXECUTABLE, SYMLINK}:
                self._paths[entry.oid] = path

    def _listing(self, path: str, limit: int) -> Mapping[str, Entry] | None:
        if self._entry(path).mode != DIRECTORY:
            return None
        # The port wants the entries of `path` itself, and further down only symlinks:
        # any of them may lead a file of the definition elsewhere.
        entries: dict[str, Entry] = {}
        queue, seen = deque([path]), 1
        while queue and seen <= limit:
            folder = queue.popleft()
            children = self._list_folder(folder, is_deep=folder != path)
            folders = [
                child for child, entry in children.items() if entry.mode == DIRECTORY
            ]
            queue.extend(folders)
            seen += len(folders)
            entries |= {
                child: entry
                for child, entry in children.items()
                if folder == path or entry.mode == SYMLINK
            }
        self._note_paths(entries)
        return entries if seen <= limit else None

    def _list_folder(self, path: str, *, is_deep: bool) -> dict[str, Entry]:
        """Return a folder's entries, as git would have them.

        Args:
            path: The folder.
            is_deep: Leave out files, which would have to be hashed.
        """
        # Git does not track empty directories.
        entries = {}
        for name, is_file in self._names(path):
            below = f"{path}/{name}" if path else name
            entry = _NOTHING if is_file and is_deep else self._entry(below)
            if entry.mode == ABSENT or (
                entry.mode == DIRECTORY and not self._names(below)
            ):
                continue
            entries[below] = entry
        return entries

    def _names(self, path: str) -> list[tuple[str, bool]]:
        """List a folder: each name, and whether it is a file."""
        try:
            with os.scandir(self._root / path) as listed:
                return [
                    (dir_entry.name, dir_entry.is_file(follow_symlinks=False))
                    for dir_entry in listed
                    if dir_entry.name.casefold() != ".git"
                ]
        except OSError as exc:
            raise self._unreadable(path, exc) from exc

    def _entry(self, path: str) -> Entry:
        if not path:
            return Entry(mode=DIRECTORY, oid=BlobId(""))
        if not _is_inside(path):
            return _NOTHING
        try:
            with self._parent(path) as (parent, name):
                return _entry(parent, name)
        except UnicodeEncodeError:
            return _NOTHING
        except OSError as exc:
            if exc.errno in _NOT_THERE:
                return _NOTHING
            raise self._unreadable(path, exc) from exc

    def _read(self, oid: BlobId, limit: int) -> bytes | None:
        path = self._paths.get(oid)
        if path is None:
            raise NotFoundError(f"no file with the id {oid} was seen in {self._root}")
        try:
            with self._parent(path) as (parent, name):
                return _content(parent, name, limit)
        except OSError as exc:
            raise self._unreadable(path, exc) from exc

    def _open_root(self) -> int:
        try:
            return os.open(self._root, _STEP & ~os.O_NOFOLLOW)
        except OSError as exc:
            raise NotFoundError(
                f"{self._root} cannot be opened as a folder: {exc.strerror}"
            ) from exc

    def _unreadable(self, path: str, exc: OSError) -> InvalidRequestError:
        return InvalidRequestError(
            f"{path!r} in {self._root} cannot be read: {exc.strerror}"
        )

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """Open the parent folder of a path; yield its descriptor and the last name."""
        # One component at a time, relative to the descriptor of the one before and
        # with O_NOFOLLOW: a symlink that is put there meanwhile cannot lead outside.
        *folders, name = path.split("/")
        parent = self._open_root()
        try:
            for folder in folders:
                below = os.open(folder, _STEP, dir_fd=parent)
                os.close(parent)
                parent = below
                # Content of a submodule is another repository's: git would record its
                # commit and no files.
                if _is_repository(parent):
                    raise NotADirectoryError(errno.ENOTDIR, "a submodule", folder)
            yield parent, name
        finally:
            os.close(parent)


def _is_inside(path: str) -> bool:
    """Return whether git could have a path; `.git` is never tracked, in any case."""
    parts = path.split("/")
    return "\0" not in path and not any(
        part in {"", ".", ".."} or part.casefold() == ".git" for part in parts
    )


def _is_repository(folder: int) -> bool:
    try:
        os.stat(".git", dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def _entry(parent: int, name: str) -> Entry:
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        target = os.fsencode(os.readlink(name, dir_fd=parent))
        return Entry(mode=SYMLINK, oid=blob_id(target), size=len(target))
    if stat.S_ISDIR(status.st_mode):
        return _directory(parent, name)
    if not stat.S_ISREG(status.st_mode):
        return _NOTHING
    mode = EXECUTABLE if status.st_mode & stat.S_IXUSR else FILE
    # The size is a hint only: the file may be written between `stat` and `open`, and
    # the id is of what was read.
    return Entry(mode=mode, oid=_file_id(parent, name), size=status.st_size)


def _directory(parent: int, name: str) -> Entry:
    folder = os.open(name, _STEP, dir_fd=parent)
    try:
        mode = GITLINK if _is_repository(folder) else DIRECTORY
    finally:
        os.close(folder)
    return Entry(mode=mode, oid=BlobId(""))


def _file_id(parent: int, name: str) -> BlobId:
    with os.fdopen(os.open(name, _OPEN, dir_fd=parent), "rb") as file:
        # Of the open file: git's id begins with the size, so size and content must be
        # of one file.
        size = os.fstat(file.fileno()).st_size
        return hash_blob(iter(partial(file.read, _CHUNK), b""), size=size)


def _content(parent: int, name: str, limit: int) -> bytes | None:
    if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        content = os.fsencode(os.readlink(name, dir_fd=parent))
    else:
        with os.fdopen(os.open(name, _OPEN, dir_fd=parent), "rb") as file:
            content = file.read(limit + 1)
    return content if len(content) <= limit else None
