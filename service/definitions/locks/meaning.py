"""What a lock and its pyproject.toml mean together, once the lock fits the project.

Then the lock decides what is installed: constraints, groups, extras that nobody asks
for and the packages that only they reach have no effect. Read like this only where the
installer accepts the pair; of any other pair everything counts.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from packaging.utils import canonicalize_name

from service.definitions.formats.values import (
    Table,
    canonical,
    list_tables,
    table,
    text,
)
from service.definitions.locks.packages import (
    find_reachable,
    is_default_group,
    needed_by_poetry,
    needed_by_uv,
)
from service.definitions.locks.wheels import for_linux

__all__ = [
    "drop_package_keys",
    "pipfile_lock_meaning",
    "pipfile_meaning",
    "poetry_lock_meaning",
    "poetry_meaning",
    "uv_lock_meaning",
    "uv_meaning",
]

_OF_RESOLUTION: Final = frozenset(
    {"dependency-groups", "dev-dependencies", "group", "extras"}
)
"""Keys that only resolving reads, or a group that is not installed."""
_OF_A_PACKAGE: Final = frozenset(
    {
        "authors",
        "build",
        "classifiers",
        "description",
        "documentation",
        "exclude",
        "homepage",
        "include",
        "keywords",
        "license",
        "maintainers",
        "name",
        "package-mode",
        "packages",
        "plugins",
        "readme",
        "repository",
        "scripts",
        "urls",
        "version",
    }
)
"""Keys of poetry that describe the root as a package. Where it is one, they count with
the project that is installed; else they have no effect."""


def drop_package_keys(document: Table) -> Table:
    """Return a pyproject.toml of poetry without what describes it as a package.

    Of a project that is none, without a lock: groups count, as resolving reads them.
    """
    poetry = _without(table(document, "tool", "poetry"), _OF_A_PACKAGE)
    return {**document, "tool": {**table(document, "tool"), "poetry": poetry}}


def poetry_meaning(document: Table, lock: Table) -> str:
    """Return what `poetry install --only main` reads beside a lock that fits.

    A package at the root is no part of it.
    """
    tools = table(document, "tool")
    poetry = table(tools, "poetry")
    kept = _without(poetry, _OF_RESOLUTION | _OF_A_PACKAGE | {"dependencies"})
    twice = _locked_twice(lock)
    wanted = {
        canonicalize_name(name): _without_version(name, item, twice)
        for name, item in table(poetry, "dependencies").items()
    }
    main = table(poetry, "group", "main")
    project = table(document, "project")
    read: dict[str, object] = {
        "tool": kept,
        "wanted": {name: item for name, item in wanted.items() if item is not None},
        "main": main,
        "project": {
            key: project[key]
            for key in ("dependencies", "requires-python")
            if key in project
        },
    }
    return canonical(read)


def _locked_twice(lock: Table) -> frozenset[str]:
    names = [_name(package) for package in list_tables(lock.get("package"))]
    return frozenset(name for name in names if names.count(name) > 1)


def _without_version(name: str, wanted: object, twice: Collection[str]) -> object:
    """Return a dependency without the constraint that the lock has settled.

    None for one that is not installed, as an extra is not.
    """
    if name.lower() == "python" or canonicalize_name(name) in twice:
        return wanted
    if isinstance(wanted, str):
        return {}
    if isinstance(wanted, Mapping):
        is_out = wanted.get("optional") is True
        return None if is_out else _without(wanted, {"version", "optional"})
    return wanted


def poetry_lock_meaning(document: Table, lock: Table) -> str:
    """Return the canonical content of what poetry.lock installs."""
    needed = needed_by_poetry(document, lock)
    packages = _sorted(lock, needed, _poetry_package)
    metadata = table(lock, "metadata")
    kept: dict[str, object] = {
        key: metadata.get(key) for key in ("lock-version", "python-versions")
    }
    # Until version 2 of the format the files of all packages stand together.
    kept["files"] = {
        name: _files(files)
        for name, files in table(metadata, "files").items()
        if canonicalize_name(name) in needed
    }
    return canonical([kept, packages])


def _files(files: object) -> list[str]:
    return sorted(map(canonical, for_linux(list_tables(files))))


def _poetry_package(package: Table) -> Table:
    """Leave out the summary, and the groups and markers that are not of `main`."""
    kept = dict(_without(package, {"description", "category", "groups", "optional"}))
    markers = package.get("markers")
    if isinstance(markers, Mapping):
        kept["markers"] = markers.get("main")
    kept["files"] = _files(package.get("files"))
    return kept


def uv_meaning(document: Table, *, is_built: bool, is_version_known: bool) -> str:
    """Return what `uv sync --frozen --no-dev` reads beside a lock that fits.

    A package at the root is no part of it.

    Args:
        document: The pyproject.toml.
        is_built: Whether the root is installed as a package.
        is_version_known: Whether the uv that builds is known; what it may refuse for
            its version was found then, and counts no more.
    """
    uv = table(document, "tool", "uv")
    project = table(document, "project")
    left_out = _OF_RESOLUTION | {
        "build-constraint-dependencies" if not is_built else "",
        "constraint-dependencies",
        "exclude-newer",
        "override-dependencies",
        "prerelease",
        "required-version" if is_version_known else "",
        "resolution",
    }
    read: dict[str, object] = {"uv": _without(uv, left_out), "is built": is_built}
    read["project"] = {
        key: project[key] for key in ("name", "requires-python") if key in project
    }
    return canonical(read)


def uv_lock_meaning(document: Table, lock: Table) -> str:
    """Return the canonical content of what uv.lock installs."""
    root = canonicalize_name(text(table(document, "project").get("name")) or "")
    default = table(document, "tool", "uv").get("default-groups")

    def reduce(package: Table) -> Table:
        is_root = _name(package) == root
        return _uv_root(package, lock, default) if is_root else _uv_package(package)

    packages = _sorted(lock, needed_by_uv(document, lock), reduce)
    left_out = {"package", "revision", "options", "resolution-markers"}
    return canonical([_without(lock, left_out), packages])


def _uv_root(package: Table, lock: Table, default: object) -> Table:
    """Keep what the project wants; its version counts where it is installed."""
    groups = table(package, "dev-dependencies")
    wanted = list_tables(package.get("dependencies"))
    return {
        "source": package.get("source"),
        "wanted": sorted(_always_installed(wanted, lock)),
        "on condition": sorted(canonical(one) for one in wanted if not _is_plain(one)),
        "groups": {
            name: wanted
            for name, wanted in groups.items()
            if is_default_group(name, default)
        },
    }


def _always_installed(wanted: Iterable[Table], lock: Table) -> frozenset[str]:
    """Return what is installed in any case because of some dependencies.

    So it is no change that a project names itself what another dependency needs.
    """
    needs = {
        (_name(package), ""): _plain(list_tables(package.get("dependencies")))
        for package in list_tables(lock.get("package"))
    }
    return find_reachable(_plain(wanted), needs)


def _plain(dependencies: Iterable[Table]) -> set[tuple[str, str]]:
    return {(_name(one), "") for one in dependencies if _is_plain(one)}


def _is_plain(dependency: Table) -> bool:
    """Return whether it has no marker, no extra, and is locked in one version only."""
    return set(dependency) == {"name"}


def _uv_package(package: Table) -> Table:
    kept = _without(package, {"metadata", "dev-dependencies"})
    # Uploads are dated for `exclude-newer`, which only resolving reads.
    kept["sdist"] = _without(table(package, "sdist"), {"upload-time"})
    wheels = for_linux(list_tables(package.get("wheels")))
    kept["wheels"] = [_without(wheel, {"upload-time"}) for wheel in wheels]
    return kept


def pipfile_meaning(pipfile: Table) -> str:
    """Return what pipenv reads in a Pipfile beside a lock that fits."""
    read = ("source", "requires", "pipenv")
    return canonical({key: pipfile[key] for key in read if key in pipfile})


def pipfile_lock_meaning(lock: Table) -> str:
    """Return the canonical content of what Pipfile.lock installs."""
    meta = _without(table(lock, "_meta"), {"hash"})
    return canonical({"_meta": meta, "default": lock.get("default")})


def _sorted(
    lock: Table, needed: Collection[str] | None, reduce: Callable[[Table], Table]
) -> list[str]:
    return sorted(
        canonical(reduce(package))
        for package in list_tables(lock.get("package"))
        if needed is None or _name(package) in needed
    )


def _without(owner: Table, keys: Collection[str]) -> dict[str, object]:
    return {key: item for key, item in owner.items() if key not in keys}


def _name(package: Table) -> str:
    return canonicalize_name(text(package.get("name")) or "")
