"""uv: a pyproject.toml for people, uv.lock for machines."""

from collections.abc import Collection
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.declared import declare_project
from service.definitions.formats.local_paths import uv_archives, uv_paths
from service.definitions.formats.project_meaning import meaning
from service.definitions.formats.toml_json import (
    Table,
    table,
)
from service.definitions.kinds.lock_files import (
    beside,
    check_lock,
    follow_lock,
    follow_locked,
    follow_settings,
)
from service.definitions.kinds.spec import Choice, KindSpec
from service.definitions.local.projects import (
    follow_archives,
    follow_paths,
    follow_project,
)
from service.definitions.locks.files import (
    is_uv_lock_stale,
    lock_meaning,
    uv_lock_paths,
)
from service.definitions.locks.meaning import uv_lock_meaning, uv_meaning
from service.definitions.locks.packages import needed_by_uv
from service.definitions.paths import ResolvedPath
from service.definitions.python.version_file import follow_python_version
from service.definitions.python.versions import specifier
from service.definitions.queries import Asking
from service.definitions.text import show
from service.definitions.uv.group_pythons import group_pythons, project_python
from service.definitions.uv.lock import check_uv_lock
from service.definitions.uv.validation import (
    check_project_settings,
    check_uv,
    check_uv_settings,
)
from service.domain.definition import Kind
from service.domain.findings import Severity

__all__ = ["SPEC"]

_LOCK: Final = "uv.lock"
_READ: Final = (_LOCK, "uv.toml")
"""What is read for its meaning, so that its bytes do not count in a project's code."""


def _claims(document: Table | None, locks: Collection[str]) -> bool:
    """Claim what uv has locked; what is poetry's was claimed before."""
    del document
    return _LOCK in locks


def _follow(reading: Reading, choice: Choice) -> Asking[None]:
    """Read a pyproject.toml that uv installs, uv.lock, and what steers uv."""
    found, parsed = choice.found, choice.document
    document = parsed or {}
    uv = table(document, "tool", "uv")
    is_built = uv.get("package", "build-system" in document) is True
    declare_project(reading, document)
    if parsed is not None:
        _check_uv_project(reading, found, document)
        yield from check_uv(reading, found, document, is_built=is_built)
    reading.python = specifier(project_python(document))
    yield from follow_python_version(reading)
    yield from _follow_uv_settings(reading, found, document)
    lock = yield from follow_lock(reading, _LOCK)
    is_settled = lock is not None and (yield from _is_settled(reading, parsed, lock))
    _mean(reading, document, lock, is_built=is_built, is_settled=is_settled)
    if is_built:
        yield from _follow_root(reading, is_locked=is_settled)
    yield from follow_paths(
        reading, reading.context_dir, found.path, uv_paths(document)
    )
    if lock is not None:
        needed = needed_by_uv(document, lock)
        paths = set(uv_lock_paths(lock, needed=needed))
        root = {path for path in paths if path.path == "."}
        if any(not local_path.is_virtual for local_path in root):
            yield from _follow_root(reading, is_locked=is_settled)
        yield from follow_locked(reading, _LOCK, paths - root)
    elif "workspace" in uv:
        # Members that a pattern names stand in the lock only.
        reading.give_up(found.path, "unread_lock", "uv.lock cannot be read")


def _is_settled(reading: Reading, parsed: Table | None, lock: Table) -> Asking[bool]:
    """Check a lock; return whether it alone decides what is installed."""
    if parsed is None or not (yield from check_uv_lock(reading, lock, parsed)):
        return False
    is_stale = is_uv_lock_stale(parsed, lock)
    check_lock(reading, _LOCK, is_stale=is_stale)
    # What uv refuses in a group or a table has to count: correcting it is a change.
    return not is_stale and "project" in parsed and not reading.has_errors


def _mean(
    reading: Reading,
    document: Table,
    lock: Table | None,
    *,
    is_built: bool,
    is_settled: bool,
) -> None:
    if lock is None or not is_settled:
        read = meaning(document, installer="uv", is_built=is_built)
        reading.mean("pyproject", read)
        if lock is not None:
            reading.mean("lock", _LOCK, lock_meaning(lock))
        return
    is_known = bool(reading.tools.uv)
    read = uv_meaning(document, is_built=is_built, is_version_known=is_known)
    reading.mean("pyproject", read)
    for _, requires in group_pythons(document):
        reading.mean("group-python", requires)
    reading.mean("lock", _LOCK, uv_lock_meaning(document, lock))


def _follow_root(reading: Reading, *, is_locked: bool) -> Asking[None]:
    directory = reading.context_dir
    yield from follow_project(reading, directory, understood=_READ, is_locked=is_locked)


def _follow_uv_settings(
    reading: Reading, found: ResolvedPath, document: Table
) -> Asking[None]:
    """Read uv.toml, and follow the archives that it and [tool.uv] name.

    Beside a uv.toml, or where one of them is invalid, uv reads no settings of
    [tool.uv]; its lock may name the indexes there even so.
    """
    uv = table(document, "tool", "uv")
    path = beside(reading, "uv.toml")
    has_file = not (yield from reading.files.find([path]))[path].is_absent
    settings = yield from follow_settings(reading, "uv.toml")
    if settings is not None:
        yield from check_uv_settings(reading, *settings)
        yield from follow_archives(reading, settings[0].path, uv_archives(settings[1]))
    if has_file or not (yield from check_project_settings(reading, found, document)):
        uv = {key: item for key, item in uv.items() if key != "find-links"}
    yield from follow_archives(reading, found.path, uv_archives(uv))


def _check_uv_project(reading: Reading, found: ResolvedPath, document: Table) -> None:
    is_workspace = "workspace" in table(document, "tool", "uv")
    if "project" in document or is_workspace:
        return
    reading.remark(
        Severity.ERROR,
        "project_table_missing",
        f"{show(found.path)} has no [project] table, so uv installs nothing from"
        " uv.lock and the build would fail; add name, version and dependencies.",
        path=found.path,
    )


SPEC: Final = KindSpec(kind=Kind.UV, locks=(_LOCK,), claims=_claims, follow=_follow)
