"""Pipenv, poetry and uv: a file for people, a lock for machines."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from packaging.specifiers import SpecifierSet

from service.definitions.declared import (
    declare_pipfile,
    declare_poetry,
    declare_project,
)
from service.definitions.links import Found, joined
from service.definitions.locks import (
    is_pipfile_lock_stale,
    is_uv_lock_stale,
    lock_meaning,
    poetry_lock_paths,
    uv_lock_paths,
)
from service.definitions.needed import needed_by_poetry, needed_by_uv
from service.definitions.poetry import check_poetry, check_poetry_lock
from service.definitions.poetry_package import default_places
from service.definitions.projects import follow_paths, follow_project
from service.definitions.pyproject import (
    LocalPath,
    meaning,
    poetry_paths,
    uv_paths,
)
from service.definitions.pythons import (
    LATEST_PATCH,
    from_poetry,
    from_version,
    specifier,
)
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.tables import (
    Table,
    canonical,
    read_json,
    read_toml,
    table,
    tables,
    text,
)
from service.definitions.uv_project import (
    check_uv,
    check_uv_lock,
    check_uv_settings,
)
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = ["follow_pipenv", "follow_poetry", "follow_uv"]

_POETRY_READ: Final = ("poetry.lock", "poetry.toml")
_UV_READ: Final = ("uv.lock", "uv.toml")
"""What is read for its meaning, so that its bytes do not count in a project's code."""


def follow_poetry(reading: Reading, found: Found, parsed: Table | None) -> Asking[None]:
    """Read a pyproject.toml that poetry installs, and poetry.lock."""
    document = parsed or {}
    poetry = table(document, "tool", "poetry")
    is_built = poetry.get("package-mode") is not False
    read = meaning(document, installer="poetry", is_built=is_built)
    reading.mean("pyproject", read)
    wanted = text(table(poetry, "dependencies").get("python"))
    requires = text(table(document, "project").get("requires-python"))
    reading.python = from_poetry(wanted) or specifier(requires)
    declare_poetry(reading, document)
    if parsed is not None:
        yield from check_poetry(reading, found, document)
    if is_built and (yield from _has_package(reading, document)):
        directory = reading.context_dir
        yield from follow_project(reading, directory, understood=_POETRY_READ)
    yield from _follow_settings(reading, "poetry.toml")
    lock = yield from _follow_lock(reading, "poetry.lock")
    paths = poetry_paths(document)
    if lock is None:
        # Poetry locks before it installs, and for that it reads every group.
        paths = (replace(path, is_needed=True) for path in paths)
    yield from follow_paths(reading, reading.context_dir, found.path, paths)
    if lock is not None:
        if parsed is not None:
            check_poetry_lock(reading, document, lock)
        locked = poetry_lock_paths(lock, needed=needed_by_poetry(document, lock))
        yield from _follow_locked(reading, "poetry.lock", locked)


def _has_package(reading: Reading, document: Table) -> Asking[bool]:
    """Say whether poetry finds something to install; it goes on when it does not.

    Tried with poetry 1.8.3, which runs a build script before it looks.
    """
    poetry = table(document, "tool", "poetry")
    name = text(poetry.get("name"))
    if not name or poetry.keys() & {"packages", "include", "build"}:
        return True
    paths = (joined(reading.context_dir, it) for it in default_places(name))
    found = yield from reading.files.find(it for it in paths if it is not None)
    return any(not it.is_absent for it in found.values())


def follow_uv(reading: Reading, found: Found, parsed: Table | None) -> Asking[None]:
    """Read a pyproject.toml that uv installs, uv.lock, and what steers uv."""
    document = parsed or {}
    uv = table(document, "tool", "uv")
    is_built = uv.get("package", "build-system" in document) is True
    reading.mean("pyproject", meaning(document, installer="uv", is_built=is_built))
    declare_project(reading, document)
    if parsed is not None:
        _check_uv_project(reading, found, document)
        yield from check_uv(reading, found, document, is_built=is_built)
    requires = text(table(document, "project").get("requires-python"))
    reading.python = specifier(requires)
    yield from _follow_python_version(reading)
    settings = yield from _follow_settings(reading, "uv.toml")
    if settings is not None:
        yield from check_uv_settings(reading, *settings)
    if is_built:
        yield from follow_project(reading, reading.context_dir, understood=_UV_READ)
    yield from follow_paths(
        reading, reading.context_dir, found.path, uv_paths(document)
    )
    lock = yield from _follow_lock(reading, "uv.lock")
    if lock is not None:
        if parsed is not None and check_uv_lock(reading, lock, document):
            is_stale = is_uv_lock_stale(document, lock)
            _check_lock(reading, "uv.lock", is_stale=is_stale)
        paths = set(uv_lock_paths(lock, needed=needed_by_uv(document, lock)))
        root = {it for it in paths if it.path == "."}
        if any(not it.is_virtual for it in root):
            yield from follow_project(reading, reading.context_dir, understood=_UV_READ)
        yield from _follow_locked(reading, "uv.lock", paths - root)
    elif "workspace" in uv:
        # Members that a pattern names stand in the lock only.
        reading.give_up(found.path, "unread_lock", "uv.lock cannot be read")


def follow_pipenv(reading: Reading, found: Found) -> Asking[None]:
    """Read a Pipfile and Pipfile.lock."""
    pipfile = yield from read_toml(reading, found)
    if pipfile is not None:
        # Scripts are run by people, not by an installation.
        read = {key: it for key, it in pipfile.items() if key != "scripts"}
        reading.mean("pipfile", canonical(read))
        declare_pipfile(reading, pipfile)
        requires = table(pipfile, "requires")
        reading.python = from_version(
            text(requires.get("python_full_version"))
            or text(requires.get("python_version"))
        )
    lock = yield from _follow_lock(reading, "Pipfile.lock")
    if pipfile is not None:
        paths = _pipfile_paths(pipfile, is_locked=lock is not None)
        yield from follow_paths(reading, reading.context_dir, found.path, paths)
    if lock is not None:
        paths = _pipfile_paths(lock, is_locked=True)
        yield from _follow_locked(reading, "Pipfile.lock", paths)
    if lock is not None and pipfile is not None:
        is_stale = is_pipfile_lock_stale(pipfile, lock)
        _check_lock(reading, "Pipfile.lock", is_stale=is_stale)


def _pipfile_paths(document: Table, *, is_locked: bool) -> list[LocalPath]:
    """List the projects and archives of a Pipfile, or of its lock.

    Once there is a lock, a build needs what the lock names for it, and no other.
    """
    paths = []
    for group, wanted in document.items():
        is_needed = group == "default" or not is_locked
        for it in tables(list(wanted.values()) if isinstance(wanted, dict) else []):
            path = text(it.get("path")) or text(it.get("file"))
            if path and "://" not in path:
                is_editable = it.get("editable") is True
                paths.append(
                    LocalPath(path=path, is_editable=is_editable, is_needed=is_needed)
                )
    return paths


def _follow_lock(reading: Reading, name: str) -> Asking[Table | None]:
    found = yield from reading.take(_at(reading, name), "lock")
    reading.mean("lock", name, "absent" if found.is_absent else "present")
    if not found.is_file:
        reading.mean_bytes(found)
        return None
    read = read_json if name == "Pipfile.lock" else read_toml
    lock = yield from read(reading, found, is_leaf=True)
    if lock is not None:
        reading.mean("lock", name, lock_meaning(lock))
    return lock


def _follow_locked(
    reading: Reading, name: str, paths: Iterable[LocalPath]
) -> Asking[None]:
    owner = _at(reading, name)
    yield from follow_paths(reading, reading.context_dir, owner, paths)


def _follow_settings(reading: Reading, name: str) -> Asking[tuple[Found, Table] | None]:
    """Count the installer's own settings file, which lies beside the definition."""
    found = yield from reading.take(_at(reading, name), "settings")
    if not found.is_file:
        reading.mean_bytes(found)
        return None
    settings = yield from read_toml(reading, found)
    if settings is None:
        return None
    reading.mean("settings", name, canonical(settings))
    return found, settings


def _follow_python_version(reading: Reading) -> Asking[None]:
    """Read the Python that uv was told to take.

    https://docs.astral.sh/uv/concepts/python-versions/#python-version-files
    """
    found = yield from reading.take(_at(reading, ".python-version"), "python")
    if not found.is_file:
        reading.mean_bytes(found)
        return
    raw = yield from reading.read(found)
    if raw is None:
        return
    lines = raw.decode("utf-8", "replace").splitlines()
    wanted = [it.strip() for it in lines if it.strip() and not it.startswith("#")]
    reading.mean("python-version", canonical(wanted))
    version = from_version(wanted[0] if wanted else None)
    if version is None:
        return
    _check_version(reading, found, wanted[0])
    reading.python = version


def _check_version(reading: Reading, found: Found, version: str) -> None:
    if not re.fullmatch(r"\d+(\.\d+)*", version):
        return
    tries = [version, *(f"{version}.{patch}" for patch in range(LATEST_PATCH))]
    allowed = SpecifierSet(reading.python or "")
    if any(it in allowed for it in tries):
        return
    reading.remark(
        Severity.ERROR,
        "python_conflict",
        f"{show(found.path)} asks for Python {show(version)}, and requires-python in"
        f" pyproject.toml is {reading.python}; the build would fail. Let them agree.",
        path=found.path,
        line=1,
    )


def _check_uv_project(reading: Reading, found: Found, document: Table) -> None:
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


def _check_lock(reading: Reading, name: str, *, is_stale: bool) -> None:
    if not is_stale:
        return
    path = _at(reading, name)
    reading.remark(
        Severity.WARNING,
        "stale_lock",
        f"{show(path)} does not fit the file it was made from, so the build may refuse"
        " it or install other packages than asked for; lock again and commit.",
        path=path,
    )


def _at(reading: Reading, name: str) -> str:
    return joined(reading.context_dir, name) or name
