"""Fill the shared caches before any code of the repository runs.

Builds can only read the shared caches: otherwise one could put a package there for
all others. Here, wheels are downloaded and not installed, which runs no code.
Everything else is left to the build itself and to its private cache.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from service.adapters.local.errors import StepFailedError
from service.adapters.local.folders import remove_tree
from service.adapters.local.interpreters import fitting, installed
from service.adapters.local.worker.context import BuildContext
from service.adapters.local.worker.safe_files import read_within, write_anew

__all__ = ["prefetch_lock", "prefetch_requirements"]

_OPTIONS: Final = re.compile(r"\s+(?:#|--).*$")
_INCLUDE: Final = re.compile(r"(?:-r|--requirement)[\s=]*([^\s#]+)")
_MAX_LOCK: Final = 32 * 1024 * 1024


def prefetch_requirements(context: BuildContext) -> None:
    """Download the wheels of plain requirements into pip's shared cache."""
    names = sorted(set(_list_requirements(context, context.job.path, set())))
    if not (context.job.isolation.overlays and names):
        return
    context.own.home.mkdir(parents=True, exist_ok=True)
    wanted, wheels = context.own.home / "names.txt", context.own.home / "wheels"
    write_anew(wanted, "\n".join(names) + "\n")
    # Wheels only: a source distribution runs its build to give its metadata, and that
    # is code of a stranger.
    argv = [str(context.python), "-m", "pip", "download", "--only-binary=:all:"]
    # Filling a cache may fail for one package out of many; the build itself reports
    # what is really missing.
    with suppress(StepFailedError):
        context.run_own([*argv, "--dest", str(wheels), "-r", str(wanted)], silent=True)
    remove_tree(wheels)


def prefetch_lock(context: BuildContext) -> Mapping[str, str]:
    """Download the wheels of a lock file into uv's shared cache.

    Returns:
        Variables that point the build to this cache; empty when it is not used.
    """
    # The lock file pins the digest of each wheel, which uv verifies for cached files,
    # too: so one project's lock cannot plant a package for another.
    if not (context.job.isolation.overlays and _is_pinned_lock(context)):
        return {}
    variables = {
        "UV_CACHE_DIR": str(context.folders.cache / "locked"),
        "UV_PROJECT_ENVIRONMENT": str(context.own.home / "env"),
    }
    options = ("--frozen", "--no-dev", "--no-build", "--no-install-local")
    # The project's settings and Python versions are ignored: they could run code.
    argv = context.uv("sync", *options, "--no-config", "--no-python-downloads")
    python = _choose_python(context)
    if python:
        with suppress(StepFailedError):
            folder = context.definition.parent
            context.run_own(
                [*argv, f"--python={python}"],
                cwd=folder,
                variables=variables,
                silent=True,
            )
        remove_tree(context.own.home / "env")
    return {"UV_CACHE_DIR": str(context.foreign.home.parent / "cache" / "locked")}


def _choose_python(context: BuildContext) -> str:
    """Return the Python that uv will most likely choose for the project."""
    wanted = "*"
    with suppress(OSError, ValueError, AttributeError):
        data = read_within(context.source, context.definition, most=_MAX_LOCK)
        project = tomllib.loads(data.decode("utf-8"))["project"]
        wanted = str(project.get("requires-python", "*"))
    found = fitting(wanted, installed(context.variables["PATH"]))
    return str(found.path) if found else ""


def _is_pinned_lock(context: BuildContext) -> bool:
    """Return whether a lock file has only wheels of an index, each with a digest."""
    path = context.definition.with_name("uv.lock")
    try:
        data = read_within(context.source, path, most=_MAX_LOCK)
        packages = tomllib.loads(data.decode("utf-8")).get("package", [])
        sources = [_pinned_source(package) for package in packages]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return False
    return "registry" in sources and set(sources) <= {"registry", "local"}


def _pinned_source(package: Mapping[str, object]) -> str:
    source, wheels = package["source"], package.get("wheels", [])
    if not isinstance(source, Mapping) or not isinstance(wheels, list):
        return ""
    if {"editable", "virtual", "directory"} & set(source):
        return "local"
    return (
        "registry"
        if "registry" in source and all(wheel["hash"] for wheel in wheels)
        else ""
    )


def _list_requirements(
    context: BuildContext, path: str, seen: set[str]
) -> Iterator[str]:
    """Yield the named requirements of a file and of the files it includes."""
    if path in seen or path not in context.definition_files:
        return
    seen.add(path)
    for line in context.definition_files[path].replace("\\\n", " ").splitlines():
        if found := _INCLUDE.match(line.strip()):
            yield from _list_requirements(
                context, _resolve_include(path, found[1]), seen
            )
            continue
        with suppress(InvalidRequirement):
            requirement = Requirement(_OPTIONS.sub("", line).strip())
            if requirement.url is None:
                yield str(requirement)


def _resolve_include(path: str, name: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / name).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return "/".join(parts)
