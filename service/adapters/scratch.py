"""Room for temporary files that no killed process leaves behind for good."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

__all__ = ["scratch_folder"]

PREFIX: Final = "of-"
"""Begins the name of every process's folder."""


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """Give this process a folder of its own below a root, for the length of the block.

    What killed processes left there is removed first. A process that lives holds a
    lock on its folder; the system lets go of it when the process ends.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Nobody may take a folder that is being made for one that was left behind.
    with _locked(root):
        _sweep(root)
        folder = Path(mkdtemp(prefix=PREFIX, dir=root))
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep(root: Path) -> None:
    for folder in root.glob(f"{PREFIX}*"):
        # Its process may end, and remove it, just now.
        with suppress(FileNotFoundError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                pass  # it lives
            finally:
                os.close(handle)
