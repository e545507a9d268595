"""The addresses of the processes on a data folder, for the command line.

Each process keeps a file of its own, locked as long as it lives: a killed process
leaves its file, not its lock. A process id would not do, since ids are reused, and the
token must not be sent to another process that listens on the old port.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

__all__ = ["find_address", "keep_address"]

log = structlog.get_logger(__name__)

_PREFIX: Final = "address-"
_DRAFT: Final = ".address-"
_LONGEST: Final = 4096


@contextmanager
def keep_address(folder: Path, url: str) -> Iterator[None]:
    """Keep an address on file during the block.

    A folder that does not allow files or locks is no error: users of the command line
    then have to give the address.
    """
    kept = None
    try:
        _remove_stale(folder)
        kept = _write(folder, url)
    except OSError as exc:
        log.warning("address not on file", folder=str(folder), error=str(exc))
    try:
        yield
    finally:
        if kept is not None:
            handle, path = kept
            path.unlink(missing_ok=True)
            os.close(handle)


def find_address(folder: Path) -> str | None:
    """Return where a living process over the folder answers; None when none does."""
    for path in _files(folder):
        try:
            with path.open("rb") as file:
                if _is_locked(file.fileno(), fcntl.LOCK_SH):
                    return file.read(_LONGEST).decode("utf-8", "replace").strip()
        except OSError:
            continue
    return None


def _write(folder: Path, url: str) -> tuple[int, Path]:
    """Write a file that is locked before anybody can find it."""
    handle, name = tempfile.mkstemp(prefix=_DRAFT, dir=folder)
    draft = Path(name)
    path = draft.with_name(draft.name.removeprefix("."))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(handle, f"{url}\n".encode())
        return handle, draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        os.close(handle)
        raise


def _remove_stale(folder: Path) -> None:
    for path in _files(folder):
        with path.open("rb") as file:
            if not _is_locked(file.fileno(), fcntl.LOCK_EX):
                path.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_PREFIX}*"))


def _is_locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
