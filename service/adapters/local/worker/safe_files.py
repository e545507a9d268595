"""Read and write where code of a repository may have planted links.

Such links could lead to files of this machine that the code itself cannot reach, or
to files that builds share.
"""

import os
import shutil
import stat
from pathlib import Path

from service.adapters.local.folders import remove_tree, walk_tree

__all__ = ["make_anew", "own_files", "read_within", "write_anew"]


def write_anew(path: Path, text: str) -> None:
    """Replace whatever is at a path by a new file.

    Raises:
        OSError: It cannot be written.
    """
    _clear(path)
    # EXCL after removing: a link that is planted in between makes the open fail instead
    # of being followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o644), "w", encoding="utf-8") as file:
        file.write(text)


def make_anew(folder: Path) -> None:
    """Replace whatever is at a path by an empty folder."""
    _clear(folder)
    folder.mkdir()


def read_within(root: Path, path: Path, *, most: int) -> bytes:
    """Read at most `most` bytes of a regular file in a tree.

    Raises:
        OSError: There is none, or it is a link that leaves the tree.
    """
    real = path.resolve(strict=True)
    if not real.is_relative_to(root.resolve()):
        raise PermissionError(f"{path} leads out of {root}")
    # NONBLOCK: opening a named pipe would wait for a writer for ever.
    descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise PermissionError(f"{path} is no plain file")
        return file.read(most)


def own_files(folder: Path) -> None:
    """Replace hard links in a folder by copies, which no other folder shares."""
    for place, _, names in walk_tree(folder):
        for name in names:
            path = Path(place, name)
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
                copy = path.with_name(f".{name}.own")
                shutil.copy2(path, copy)
                copy.rename(path)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)
