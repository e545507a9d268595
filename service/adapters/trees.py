"""Walk and remove folders that strangers filled, however deep they are nested.

`os.walk` and `shutil.rmtree` call themselves for every level before Python 3.12 and
3.13: a tree of a thousand levels, which a build makes in a moment, ends whoever reads
or removes it. Nothing here does, and no path or number of open files grows with it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, islice
from pathlib import Path
from uuid import uuid4

__all__ = ["remove_tree", "walk_tree"]


def walk_tree(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk a tree from the top as `os.walk` does; links are not followed.

    Folders that are removed from the second list are left out. What cannot be opened,
    also by the length of its path, is skipped.
    """
    waiting = [str(top)]
    while waiting:
        # Of each walk only the first level.
        for level in islice(os.walk(waiting.pop()), 1):
            yield level
            here, folders, _ = level
            for path in (Path(here, name) for name in folders):
                with suppress(OSError):  # longer than paths may be
                    if not path.is_symlink():
                        waiting.append(str(path))


def remove_tree(path: Path) -> None:
    """Remove a folder and its content; a missing one is no error."""
    with suppress(FileNotFoundError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        path.chmod(stat.S_IRWXU)
        with _opened(path) as top:
            _empty(top)
        path.rmdir()


def _empty(top: int) -> None:
    """Remove all that is in a folder, given by its descriptor."""
    # A folder further down is moved to the top before its own turn, so that every path
    # has one name. The first part of the new names is nobody's to guess.
    prefix = uuid4().hex
    names = (f"{prefix}-{number}" for number in count())
    waiting = _take_out(top, top, names)
    while waiting:
        name = waiting.pop()
        with suppress(FileNotFoundError):
            with _opened(name, within=top) as folder:
                waiting += _take_out(folder, top, names)
            os.rmdir(name, dir_fd=top)


def _take_out(folder: int, top: int, names: Iterator[str]) -> list[str]:
    """Remove the files of a folder, and move its folders to the top one.

    Returns the names that these have now.
    """
    moved = []
    with os.scandir(folder) as entries:
        # Listed first: what is moved to the folder that is read could be read again.
        listed = [(it.name, it.is_dir(follow_symlinks=False)) for it in entries]
    for name, is_folder in listed:
        with suppress(FileNotFoundError):
            if not is_folder:
                os.unlink(name, dir_fd=folder)
                continue
            # Builds may leave folders that nobody may read, write or move.
            os.chmod(name, stat.S_IRWXU, dir_fd=folder)
            moved.append(next(names))
            os.rename(name, moved[-1], src_dir_fd=folder, dst_dir_fd=top)
    return moved


@contextmanager
def _opened(path: Path | str, *, within: int | None = None) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    handle = os.open(path, flags, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)
