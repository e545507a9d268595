"""Clean up after a builder that died: its builds vanished, their folders remain."""

import fcntl
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

import structlog

from service.adapters.local.folders import Folders, remove_tree
from service.adapters.local.job import ImageManifest, Result, read
from service.errors import InvalidRequestError, PermanentError

__all__ = [
    "lock_root",
    "remove_build",
    "remove_image",
    "remove_leftovers",
    "renew_build",
]

log = structlog.get_logger(__name__)

_PATIENCE: Final = 2.0
"""Seconds for a killed process to release its lock, which takes milliseconds."""
_STEP: Final = 0.05
_UNUSED: Final = 30 * 24 * 3600.0
"""Seconds after which the cache of a project or private repository is removed."""
_HEX: Final = re.compile("[0-9a-f]{64}")


def lock_root(folders: Folders) -> TextIO:
    """Lock the root for one builder, until the returned file is closed.

    Raises:
        PermanentError: Another builder holds the lock.
    """
    lock = folders.lock.open("w")
    # A lock of the kernel and not a file with a process id: it ends with its holder,
    # however that dies.
    if not _try_lock(lock.fileno()):
        lock.close()
        raise PermanentError(f"another builder works in {folders.root}")
    return lock


def remove_leftovers(folders: Folders) -> None:
    """Remove the folders of builds without a result; kill workers that still run.

    What cannot be removed, or is none of ours, stays and is logged: the service starts.
    """
    for folder in folders.builds.iterdir():
        # The result is written last and atomically, so a folder without one is of a
        # build that was cut off. With one, the watcher has still to read it.
        with _passed_over(folder):
            if read(folders.result(folder.name), Result) is None:
                _kill_worker(folder)
                remove_build(folders, folder.name)
    kept = {
        manifest.environment
        for path in folders.images.glob("*.json")
        if (manifest := read(path, ImageManifest)) is not None
    }
    for folder in folders.environments.iterdir():
        with _passed_over(folder):
            if folder.name not in kept:
                remove_tree(folder)
    for folder in folders.caches.iterdir():
        with _passed_over(folder):
            if time.time() - folder.stat().st_mtime > _UNUSED:
                remove_tree(folder)


@contextmanager
def _passed_over(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, InvalidRequestError) as exc:
        log.warning("leftover not removed", path=str(path), error=str(exc))


def remove_build(folders: Folders, build: str) -> None:
    """Remove a build, its environment and its image."""
    for path in folders.images.glob("*.json"):
        manifest = read(path, ImageManifest)
        if manifest is not None and manifest.environment == build:
            path.unlink()
    remove_tree(folders.environment(build))
    remove_tree(folders.build(build))


def renew_build(folders: Folders, build: str) -> None:
    """Create the folder of a build anew; an attempt starts empty."""
    remove_build(folders, build)
    folders.build(build).mkdir(parents=True)


def remove_image(folders: Folders, reference: str) -> None:
    """Remove an image with its environment; one that is not there is no error."""
    _, _, digest = reference.partition("@sha256:")
    path = folders.manifest(digest)
    manifest = read(path, ImageManifest) if _HEX.fullmatch(digest) else None
    if manifest is None or manifest.reference != reference:
        return
    # The manifest first: without it the environment is a leftover, never half an image.
    path.unlink()
    remove_tree(folders.environment(manifest.environment))


def _kill_worker(folder: Path) -> None:
    """Kill the worker of a build, which holds its lock while it runs."""
    # Only while the lock is held: otherwise the group's id may belong to others.
    lock = folder / "lock"
    if not lock.exists():
        return
    with lock.open("w") as file:
        if _try_lock(file.fileno()):
            return
        with suppress(ValueError, FileNotFoundError, ProcessLookupError):
            # The worker ends by itself when its standard input closes; this is for one
            # that does not come to that.
            os.killpg(int((folder / "group").read_text()), signal.SIGKILL)
        _try_lock(file.fileno())


def _try_lock(file: int) -> bool:
    """Try to take a lock for a while; return whether that succeeded."""
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
