"""Read what lies beside a definition: its lock, and its installer's settings."""

from collections.abc import Iterable

from service.definitions.closure_builder import Reading
from service.definitions.formats.local_paths import LocalPath
from service.definitions.formats.toml_json import (
    Table,
    canonical,
    read_json,
    read_toml,
)
from service.definitions.local.projects import follow_paths
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["beside", "check_lock", "follow_lock", "follow_locked", "follow_settings"]


def follow_lock(reading: Reading, name: str) -> Asking[Table | None]:
    """Read a lock; None when it is absent, or unreadable and counted by its bytes.

    What it means depends on whether it fits its project, and is the caller's to add.
    """
    found = yield from reading.take(beside(reading, name), "lock")
    reading.mean("lock", name, "absent" if found.is_absent else "present")
    if not found.is_file:
        reading.loosen()
        reading.mean_bytes(found)
        return None
    if name == "Pipfile.lock":
        lock = yield from read_json(reading, found, is_leaf=True)
    else:
        is_of_uv = name == "uv.lock"
        lock = yield from read_toml(reading, found, is_leaf=True, is_of_uv=is_of_uv)
    if lock is None:
        reading.loosen()
    return lock


def follow_locked(
    reading: Reading,
    name: str,
    paths: Iterable[LocalPath],
    *,
    is_code_of_all: bool = True,
) -> Asking[None]:
    """Follow the local projects and archives that a lock names."""
    owner = beside(reading, name)
    yield from follow_paths(
        reading, reading.context_dir, owner, paths, is_code_of_all=is_code_of_all
    )


def follow_settings(
    reading: Reading, name: str
) -> Asking[tuple[ResolvedPath, Table] | None]:
    """Count the installer's own settings file, which lies beside the definition."""
    found = yield from reading.take(beside(reading, name), "settings")
    if not found.is_file:
        reading.mean_bytes(found)
        return None
    settings = yield from read_toml(reading, found, is_of_uv=name == "uv.toml")
    if settings is None:
        return None
    reading.mean("settings", name, canonical(settings))
    return found, settings


def check_lock(reading: Reading, name: str, *, is_stale: bool) -> None:
    """Warn of a lock that is not that of its definition."""
    if not is_stale:
        return
    reading.loosen()
    path = beside(reading, name)
    reading.remark(
        Severity.WARNING,
        "stale_lock",
        f"{show(path)} does not fit the file it was made from, so the build may refuse"
        " it or install other packages than asked for; lock again and commit.",
        path=path,
    )


def beside(reading: Reading, name: str) -> str:
    """Return the path of a file beside the definition."""
    return join_path(reading.context_dir, name) or name
