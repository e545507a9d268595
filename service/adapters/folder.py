"""A working directory on this machine, read as git would read its commit."""

import asyncio
import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

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
# A pipe in place of a file must not keep anybody waiting.
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_THERE: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
)


class Folder:
    """The files below a folder, with the modes and ids git would give them.

    Nothing outside is ever read: every step of a path is taken without following
    symlinks. Ignored and untracked files count, as the next commit may hold them.
    Directories have no id, because theirs depends on what is ignored.

    Args:
        root: The folder that stands for the root of the repository.
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
        found = {path: self._entry(path) for path in paths}
        self._note(found)
        return found

    def _note(self, found: Mapping[str, Entry]) -> None:
        """Remember where the content of what was seen is, however it was seen."""
        for path, entry in found.items():
            if entry.mode in {FILE, EXECUTABLE, SYMLINK}:
                self._paths[entry.oid] = path

    def _listing(self, path: str, limit: int) -> Mapping[str, Entry] | None:
        if self._entry(path).mode != DIRECTORY:
            return None
        found: dict[str, Entry] = {}
        waiting, seen = deque([path]), 1
        while waiting and seen <= limit:
            here = waiting.popleft()
            inside = self._inside(here, is_deep=here != path)
            folders = [it for it, entry in inside.items() if entry.mode == DIRECTORY]
            waiting.extend(folders)
            seen += len(folders)
            found |= {
                it: entry
                for it, entry in inside.items()
                if here == path or entry.mode == SYMLINK
            }
        self._note(found)
        return found if seen <= limit else None

    def _inside(self, path: str, *, is_deep: bool) -> dict[str, Entry]:
        """Return what git would know of in a folder; of links and folders only if deep.

        An empty folder is nothing to git.
        """
        found = {}
        for name, is_file in self._names(path):
            below = f"{path}/{name}" if path else name
            entry = _NOTHING if is_file and is_deep else self._entry(below)
            if entry.mode == ABSENT or (
                entry.mode == DIRECTORY and not self._names(below)
            ):
                continue
            found[below] = entry
        return found

    def _names(self, path: str) -> list[tuple[str, bool]]:
        """List a folder: each name, and whether it is a file."""
        try:
            with os.scandir(self._root / path) as listed:
                return [
                    (it.name, it.is_file(follow_symlinks=False))
                    for it in listed
                    if it.name.casefold() != ".git"
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
        """Open the folder that holds a path, step by step."""
        *folders, name = path.split("/")
        here = self._open_root()
        try:
            for folder in folders:
                below = os.open(folder, _STEP, dir_fd=here)
                os.close(here)
                here = below
                if _is_repository(here):
                    raise NotADirectoryError(errno.ENOTDIR, "a submodule", folder)
            yield here, name
        finally:
            os.close(here)


def _is_inside(path: str) -> bool:
    """Say whether git could have a path; it never has a `.git`, in any case."""
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
        return Entry(mode=SYMLINK, oid=_blob_id(target), size=len(target))
    if stat.S_ISDIR(status.st_mode):
        return _directory(parent, name)
    if not stat.S_ISREG(status.st_mode):
        return _NOTHING
    mode = EXECUTABLE if status.st_mode & stat.S_IXUSR else FILE
    return Entry(mode=mode, oid=_file_id(parent, name), size=status.st_size)


def _directory(parent: int, name: str) -> Entry:
    folder = os.open(name, _STEP, dir_fd=parent)
    try:
        mode = GITLINK if _is_repository(folder) else DIRECTORY
    finally:
        os.close(folder)
    return Entry(mode=mode, oid=BlobId(""))


def _blob_id(content: bytes) -> BlobId:
    """Name content as git does: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    header = b"blob %d\0" % len(content)
    return BlobId(hashlib.sha1(header + content, usedforsecurity=False).hexdigest())


def _file_id(parent: int, name: str) -> BlobId:
    with os.fdopen(os.open(name, _OPEN, dir_fd=parent), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        hasher = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return BlobId(hasher.hexdigest())


def _content(parent: int, name: str, limit: int) -> bytes | None:
    if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        content = os.fsencode(os.readlink(name, dir_fd=parent))
    else:
        with os.fdopen(os.open(name, _OPEN, dir_fd=parent), "rb") as file:
            content = file.read(limit + 1)
    return content if len(content) <= limit else None
