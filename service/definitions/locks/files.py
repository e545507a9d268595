"""Lock files: their meaning, their local paths, and whether they are stale."""

import hashlib
import json
from collections.abc import Iterator
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.formats.local_paths import LocalPath
from service.definitions.formats.toml_json import (
    Table,
    canonical,
    list_tables,
    table,
    text,
    texts,
)

__all__ = [
    "is_pipfile_lock_stale",
    "is_poetry_lock_stale",
    "is_uv_lock_stale",
    "lock_meaning",
    "poetry_lock_paths",
    "uv_lock_paths",
]

_POETRY_KEYS: Final = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT_KEYS: Final = ("requires-python", "dependencies", "optional-dependencies")
_PIPFILE_OWN: Final = frozenset(
    {"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv"}
    | {"default", "develop"}
)


def lock_meaning(lock: Table) -> str:
    """Return the canonical content of a lock file, in any order of its packages."""
    # The order of packages has no effect on an installation.
    packages = sorted(canonical(entry) for entry in list_tables(lock.get("package")))
    rest = {key: item for key, item in lock.items() if key != "package"}
    return canonical([rest, packages])


def poetry_lock_paths(lock: Table, *, needed: frozenset[str]) -> Iterator[LocalPath]:
    """Yield the directories and archives that poetry.lock installs from."""
    for package in list_tables(lock.get("package")):
        source = table(package, "source")
        path = text(source.get("url"))
        if path and source.get("type") in {"directory", "file"}:
            yield LocalPath(
                path=path,
                is_editable=package.get("develop") is True,
                is_needed=canonicalize_name(text(package.get("name")) or "") in needed,
            )


def uv_lock_paths(lock: Table, *, needed: frozenset[str] | None) -> Iterator[LocalPath]:
    """Yield the directories and archives that uv.lock installs from.

    A virtual package is not installed itself, but its dependencies are.
    """
    for package in list_tables(lock.get("package")):
        source = table(package, "source")
        for key in ("editable", "virtual", "directory", "path"):
            path = text(source.get(key))
            if path:
                is_editable = key in {"editable", "virtual"}
                is_virtual = key == "virtual"
                name = canonicalize_name(text(package.get("name")) or "")
                yield LocalPath(
                    path=path,
                    is_editable=is_editable,
                    is_needed=needed is None or name in needed,
                    is_virtual=is_virtual,
                )


def is_poetry_lock_stale(document: Table, lock: Table, *, is_modern: bool) -> bool:
    """Return whether pyproject.toml changed since poetry.lock was written.

    Poetry saves a digest of the relevant tables, and version 2 added tables to it. A
    lock without a digest is stale.
    """
    digest = text(table(lock, "metadata").get("content-hash"))
    try:
        digests = _poetry_digests(document)
        return digest not in (set(digests) if is_modern else {next(digests)})
    except (TypeError, RecursionError):
        # A date among the dependencies: poetry cannot compute a digest, either.
        return False


def _poetry_digests(document: Table) -> Iterator[str]:
    poetry = table(document, "tool", "poetry")
    group = {"group": poetry["group"]} if "group" in poetry else {}
    legacy = {key: poetry.get(key) for key in _POETRY_KEYS} | group
    yield _sha256(json.dumps(legacy, sort_keys=True))
    project = table(document, "project")
    modern = {key: project[key] for key in _PROJECT_KEYS if key in project}
    given = {key: poetry[key] for key in _POETRY_KEYS if key in poetry} | group
    # Releases of poetry 2 differ in whether `dependency-groups` is part of the digest,
    # so either digest is accepted.
    for dependency_groups in ({}, table(document, "dependency-groups")):
        outer: dict[str, object] = {"project": modern} if modern else {}
        if dependency_groups:
            outer["dependency-groups"] = dependency_groups
        if outer:
            outer["tool"] = {"poetry": given}
            yield _sha256(json.dumps(outer, sort_keys=True))


def is_uv_lock_stale(document: Table, lock: Table) -> bool:
    """Return whether the project's dependencies in uv.lock are not its current ones."""
    project = table(document, "project")
    name = text(project.get("name"))
    # Dynamic dependencies are known only by running the build backend, which is never
    # done here: no claim about the lock then.
    if name is None or set(texts(project.get("dynamic"))) & set(_PROJECT_KEYS):
        return False
    for package in list_tables(lock.get("package")):
        # Names only, not specifiers: uv normalizes markers and bounds when it locks, so
        # a comparison of texts would call fresh locks stale.
        if package.get("name") != canonicalize_name(name):
            continue
        if table(package, "source").keys() & {"editable", "virtual", "directory"}:
            locked = table(package, "metadata").get("requires-dist")
            wanted = _requested_names(document)
            return wanted is not None and wanted != {
                canonicalize_name(text(entry.get("name")) or "")
                for entry in list_tables(locked)
            }
    return True


def _requested_names(document: Table) -> set[str] | None:
    """Return the names of a project's dependencies; None where one cannot be read.

    uv mends requirements that the standard does not allow, such as one that lacks a
    comma: of what is not understood here nothing is claimed.
    """
    project = table(document, "project")
    wanted = [*texts(project.get("dependencies"))]
    for extra in table(project, "optional-dependencies").values():
        wanted += texts(extra)
    names: set[str] = set()
    for item in wanted:
        try:
            names.add(canonicalize_name(Requirement(item).name))
        except (InvalidRequirement, RecursionError):
            return None
    return names


def is_pipfile_lock_stale(pipfile: Table, lock: Table) -> bool:
    """Return whether Pipfile changed since Pipfile.lock was written."""
    digest = text(table(lock, "_meta", "hash").get("sha256"))
    if digest is None or "source" not in pipfile:
        return False
    content: dict[str, object] = {
        "_meta": {
            "sources": pipfile["source"],
            "requires": pipfile.get("requires", {}),
        },
        "default": pipfile.get("packages", {}),
        "develop": pipfile.get("dev-packages", {}),
    }
    # Pipfile allows categories besides packages and dev-packages, and pipenv digests
    # each under its own name.
    content |= {key: item for key, item in pipfile.items() if key not in _PIPFILE_OWN}
    try:
        written = json.dumps(content, sort_keys=True, separators=(",", ":"))
    except (TypeError, RecursionError):
        return False
    return digest != _sha256(written)


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
