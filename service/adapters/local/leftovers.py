"""Clean up after a builder that died: its builds vanished, their folders did not."""

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from service.adapters.local.folders import Folders, remove_tree
from service.adapters.local.job import Manifest, Result, read
from service.errors import PermanentError

__all__ = ["claim", "clean", "discard"]

_PATIENCE: Final = 2.0
"""Seconds for a process that is dying to let go of its lock; it does so at once."""
_STEP: Final = 0.05


def claim(folders: Folders) -> TextIO:
    """Hold the root for one builder, until the returned file is closed.

    Raises:
        PermanentError: Another builder works there.
    """
    lock = folders.lock.open("w")
    if not _locked(lock.fileno()):
        lock.close()
        raise PermanentError(f"another builder works in {folders.root}")
    return lock


def clean(folders: Folders) -> None:
    """Remove what builds without a result left behind, after ending what still runs."""
    for folder in folders.builds.iterdir():
        if read(folders.result(folder.name), Result) is None:
            _end(folder)
            discard(folders, folder.name)
    kept = {
        manifest.environment
        for path in folders.images.glob("*.json")
        if (manifest := read(path, Manifest)) is not None
    }
    for place in folders.environments.iterdir():
        if place.name not in kept:
            remove_tree(place)


def discard(folders: Folders, build: str) -> None:
    """Remove a build, its environment and its image."""
    for path in folders.images.glob("*.json"):
        manifest = read(path, Manifest)
        if manifest is not None and manifest.environment == build:
            path.unlink()
    remove_tree(folders.environment(build))
    remove_tree(folders.build(build))


def _end(folder: Path) -> None:
    """See to it that the worker of a build is gone; it holds its lock while it runs."""
    lock = folder / "lock"
    if not lock.exists():
        return
    with lock.open("w") as file:
        if _locked(file.fileno()):
            return
        with suppress(ValueError, FileNotFoundError, ProcessLookupError):
            os.killpg(int((folder / "group").read_text()), signal.SIGKILL)
        _locked(file.fileno())


def _locked(file: int) -> bool:
    """Take a lock within a while; say whether it was got."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_STEP)
        else:
            return True
