"""Download what a build will install, before any code of the repository runs.

Builds read the shared caches and cannot write to them; so somebody else has to fill
them. What is downloaded here is installed by nobody: wheels only, which run nothing.
Whatever cannot be had like this is left to the build itself, and to its own cache.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from service.adapters.local.bench import Bench
from service.adapters.local.failures import StepFailedError
from service.adapters.local.folders import remove_tree
from service.adapters.local.pythons import fitting, installed
from service.adapters.local.safely import read_within, write_anew

__all__ = ["fetch_locked", "fetch_named"]

_OPTIONS: Final = re.compile(r"\s+(?:#|--).*$")
_INCLUDE: Final = re.compile(r"(?:-r|--requirement)[\s=]*([^\s#]+)")
_MAX_LOCK: Final = 32 * 1024 * 1024


def fetch_named(bench: Bench) -> None:
    """Let pip's cache hold the wheels that plain requirements lead to."""
    names = sorted(set(_names(bench, bench.job.path, set())))
    if not (bench.job.isolation.overlays and names):
        return
    bench.own.home.mkdir(parents=True, exist_ok=True)
    wanted, wheels = bench.own.home / "names.txt", bench.own.home / "wheels"
    write_anew(wanted, "\n".join(names) + "\n")
    argv = [str(bench.python), "-m", "pip", "download", "--only-binary=:all:"]
    with suppress(StepFailedError):
        bench.run_own([*argv, "--dest", str(wheels), "-r", str(wanted)], silent=True)
    remove_tree(wheels)


def fetch_locked(bench: Bench) -> Mapping[str, str]:
    """Let uv's cache hold the wheels of a lock file; return what says where it is.

    The lock says which content each wheel has, and uv holds it against that whenever
    it takes one from a cache: so no lock can put anything there for another.
    """
    if not (bench.job.isolation.overlays and _is_pinned_lock(bench)):
        return {}
    variables = {
        "UV_CACHE_DIR": str(bench.folders.cache / "locked"),
        "UV_PROJECT_ENVIRONMENT": str(bench.own.home / "env"),
    }
    options = ("--frozen", "--no-dev", "--no-build", "--no-install-local")
    # Neither the project's settings nor a Python that it brings along are obeyed.
    argv = bench.uv("sync", *options, "--no-config", "--no-python-downloads")
    python = _python_of(bench)
    if python:
        with suppress(StepFailedError):
            folder = bench.definition.parent
            bench.run_own(
                [*argv, f"--python={python}"],
                cwd=folder,
                variables=variables,
                silent=True,
            )
        remove_tree(bench.own.home / "env")
    return {"UV_CACHE_DIR": str(bench.foreign.home.parent / "cache" / "locked")}


def _python_of(bench: Bench) -> str:
    """Return the Python that the project will most likely get."""
    wanted = "*"
    with suppress(OSError, ValueError, AttributeError):
        data = read_within(bench.source, bench.definition, most=_MAX_LOCK)
        project = tomllib.loads(data.decode("utf-8"))["project"]
        wanted = str(project.get("requires-python", "*"))
    found = fitting(wanted, installed(bench.variables["PATH"]))
    return str(found.path) if found else ""


def _is_pinned_lock(bench: Bench) -> bool:
    """Say whether a lock file names wheels, each with its digest, and nothing else."""
    path = bench.definition.with_name("uv.lock")
    try:
        data = read_within(bench.source, path, most=_MAX_LOCK)
        packages = tomllib.loads(data.decode("utf-8")).get("package", [])
        sources = [_pinned_source(it) for it in packages]
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
        "registry" if "registry" in source and all(it["hash"] for it in wheels) else ""
    )


def _names(bench: Bench, path: str, seen: set[str]) -> Iterator[str]:
    """Yield the requirements of a file, and of what it includes, that are names."""
    if path in seen or path not in bench.watched:
        return
    seen.add(path)
    for line in bench.watched[path].replace("\\\n", " ").splitlines():
        if found := _INCLUDE.match(line.strip()):
            yield from _names(bench, _beside(path, found[1]), seen)
            continue
        with suppress(InvalidRequirement):
            requirement = Requirement(_OPTIONS.sub("", line).strip())
            if requirement.url is None:
                yield str(requirement)


def _beside(path: str, name: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / name).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return "/".join(parts)
