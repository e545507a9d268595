"""Lock files: what they mean, what they name, and whether they look out of date."""

import hashlib
import json
from collections.abc import Iterator
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.pyproject import LocalPath
from service.definitions.tables import Table, canonical, table, tables, text, texts

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
    """Write a lock file's content; the order of its packages is no part of it."""
    packages = sorted(canonical(it) for it in tables(lock.get("package")))
    rest = {key: it for key, it in lock.items() if key != "package"}
    return canonical([rest, packages])


def poetry_lock_paths(lock: Table, *, needed: frozenset[str]) -> Iterator[LocalPath]:
    """Yield the directories and archives that poetry.lock installs from."""
    for package in tables(lock.get("package")):
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

    A virtual package is not installed, but its metadata says what is.
    """
    for package in tables(lock.get("package")):
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
    """Say whether poetry would find that pyproject.toml changed since the lock.

    Poetry keeps a digest of what matters to it; what that is grew with version 2. A
    lock without one is stale.
    """
    digest = text(table(lock, "metadata").get("content-hash"))
    try:
        digests = _poetry_digests(document)
        return digest not in (set(digests) if is_modern else {next(digests)})
    except (TypeError, RecursionError):
        # A date among the dependencies: poetry could not have made a digest, either.
        return False


def _poetry_digests(document: Table) -> Iterator[str]:
    poetry = table(document, "tool", "poetry")
    group = {"group": poetry["group"]} if "group" in poetry else {}
    legacy = {key: poetry.get(key) for key in _POETRY_KEYS} | group
    yield _sha256(json.dumps(legacy, sort_keys=True))
    project = table(document, "project")
    modern = {key: project[key] for key in _PROJECT_KEYS if key in project}
    given = {key: poetry[key] for key in _POETRY_KEYS if key in poetry} | group
    for dependency_groups in ({}, table(document, "dependency-groups")):
        outer: dict[str, object] = {"project": modern} if modern else {}
        if dependency_groups:
            outer["dependency-groups"] = dependency_groups
        if outer:
            outer["tool"] = {"poetry": given}
            yield _sha256(json.dumps(outer, sort_keys=True))


def is_uv_lock_stale(document: Table, lock: Table) -> bool:
    """Say whether the locked project asks for other packages than pyproject.toml."""
    project = table(document, "project")
    name = text(project.get("name"))
    if name is None or set(texts(project.get("dynamic"))) & set(_PROJECT_KEYS):
        return False
    for package in tables(lock.get("package")):
        if package.get("name") != canonicalize_name(name):
            continue
        if table(package, "source").keys() & {"editable", "virtual", "directory"}:
            locked = table(package, "metadata").get("requires-dist")
            return _asked(document) != {
                canonicalize_name(text(it.get("name")) or "") for it in tables(locked)
            }
    return True


def _asked(document: Table) -> set[str]:
    project = table(document, "project")
    wanted = [*texts(project.get("dependencies"))]
    for extra in table(project, "optional-dependencies").values():
        wanted += texts(extra)
    names: set[str] = set()
    for it in wanted:
        try:
            names.add(canonicalize_name(Requirement(it).name))
        except (InvalidRequirement, RecursionError):
            continue
    return names


def is_pipfile_lock_stale(pipfile: Table, lock: Table) -> bool:
    """Say whether Pipfile.lock was made from another Pipfile."""
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
    content |= {key: it for key, it in pipfile.items() if key not in _PIPFILE_OWN}
    try:
        written = json.dumps(content, sort_keys=True, separators=(",", ":"))
    except (TypeError, RecursionError):
        return False
    return digest != _sha256(written)


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
