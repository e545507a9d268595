"""Decide what a command of a build may read and write, and start it in the sandbox."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uv

from service.adapters.local.isolation import landlock, sandbox
from service.adapters.local.isolation.probe import PROGRAM, SYSTEM
from service.adapters.local.job import Job
from service.certificates import TRUSTING

__all__ = ["Area", "confine", "foreign_area", "own_area"]

_CONFIGURATION: Final = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "default/locale",
    "debian_version",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "pip.conf",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "timezone",
    "uv",
    "xdg/pip",
    "xdg/uv",
)
"""The files of /etc that builds may read; not, for example, this service's settings."""

_DEVICES: Final = (
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/shm",  # noqa: S108 - semaphores are made there
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
)
"""The devices of a build that has no `/dev` of its own."""

_PYTHON: Final = re.compile(r"python3\.\d+")
_PATH: Final = re.compile(r"(?:file://)?(/[^\s:,;]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The folders of one kind of command.

    Commands that run no code of a repository share neither home nor cache with those
    that do: such code could leave files there that change what our commands do.
    """

    home: Path
    temporary: Path
    write: tuple[Path, ...]
    shared: Mapping[Path, Path]
    """Read-only caches: the folder, and the path at which the command sees it."""
    variables: Mapping[str, str]


def own_area(job: Job) -> Area:
    """Return the folders of commands that run no code of a repository."""
    folders = job.folders
    own = folders.build(job.build_id) / "own"
    return Area(
        home=own / "home",
        temporary=own / "tmp",
        write=(
            folders.environment(job.build_id),
            folders.tools,
            folders.cache,
            own,
        ),
        shared={},
        variables={
            "PIP_CACHE_DIR": str(folders.cache / "pip"),
            "UV_CACHE_DIR": str(folders.cache / "uv"),
        },
    )


def foreign_area(job: Job) -> Area:
    """Return the folders of commands that run code of a repository."""
    folders = job.folders
    scratch = folders.build(job.build_id)
    folder, cache = folders.environment(job.build_id), scratch / "cache"
    return Area(
        home=scratch / "home",
        temporary=scratch / "tmp",
        # Not the whole folder: our own files about the environment are in it.
        write=(folder / "env", folder / "source", cache),
        # As overlays: reads come from the shared cache, writes go to the build's own
        # folder, and no build can leave a package for another.
        shared={folders.cache / name: cache / name for name in ("locked", "pip", "uv")},
        variables={
            "PIP_CACHE_DIR": str(cache / "pip"),
            "POETRY_CACHE_DIR": str(cache / "poetry"),
            "UV_CACHE_DIR": str(cache / "uv"),
        },
    )


def confine(job: Job, area: Area, variables: Mapping[str, str]) -> list[str]:
    """Return the arguments before a command that run it in an area.

    Missing folders of the area are created.
    """
    folders = [area.home, area.temporary, *area.write, *area.shared.values()]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    spec = sandbox.SandboxSpec(
        parent=os.getpid(),
        namespaces=job.isolation.namespaces,
        as_user=job.isolation.as_user,
        root=str(_make_folder(job.folders.build(job.build_id) / "root")),
        temporary=str(area.temporary),
        read=_readable(job, variables),
        hidden=[str(path) for path in job.hidden],
        lent=[str(job.folders.tools), *_certificates(job.environment)],
        write=sorted(str(item) for item in {area.home, area.temporary, *area.write}),
        overlays=list(_overlays(job, area)),
        shared_memory=job.memory // 2,
        file_size=job.disk,
        processes=job.processes,
        nice=job.nice,
    )
    within = [*PROGRAM, sandbox.__file__, json.dumps(spec)]
    if not job.isolation.landlock:
        return within
    # The last of the programs to run, since the others need what it forbids.
    return [*within, *PROGRAM, landlock.__file__, json.dumps(_rules(spec))]


def _rules(spec: sandbox.SandboxSpec) -> landlock.Rules:
    """Return what Landlock allows: what namespaces would show."""
    return landlock.Rules(
        read=[*landlock.without(spec["read"], spec["hidden"]), *spec["lent"], "/proc"],
        write=[*spec["write"], *_DEVICES],
    )


def _readable(job: Job, variables: Mapping[str, str]) -> list[str]:
    """List the paths that a command may read, parents before their content."""
    configuration = (f"/etc/{name}" for name in _CONFIGURATION)
    paths = {
        *SYSTEM,
        *configuration,
        sys.base_prefix,
        uv.find_uv_bin(),
        *_programs(variables.get("PATH", "")),
        *_named(job.environment),
        *(str(path) for path in job.visible),
    }
    # Sorted, so that a folder is mounted before what lies in it; the other order would
    # hide the inner one.
    return sorted(path for path in paths - {"/"} if path.startswith("/"))


def _programs(search: str) -> Iterator[str]:
    """Yield the folders of programs, and the real folders of the Pythons in them."""
    for folder in filter(None, search.split(":")):
        yield folder
        if folder.startswith(tuple(f"{item}/" for item in SYSTEM)):
            continue
        for path in Path(folder).glob("python3.*"):
            if _PYTHON.fullmatch(path.name):
                yield str(path.resolve().parent.parent)


def _certificates(environment: Mapping[str, str]) -> list[str]:
    """List the certificate files, which may be in a hidden folder."""
    named = {environment.get(name, "") for name in TRUSTING}
    return sorted(path for path in named if Path(path).is_file())


def _named(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that are named in the variables passed to builds."""
    for name, value in environment.items():
        if name != "PATH":
            yield from (path for path in _PATH.findall(value) if Path(path).exists())


def _overlays(job: Job, area: Area) -> Iterator[tuple[str, str, str, str]]:
    if not job.isolation.overlays:
        return
    scratch = job.folders.build(job.build_id)
    for lower, target in area.shared.items():
        upper = _make_folder(scratch / "changes" / target.name)
        work = _make_folder(scratch / "work" / target.name)
        yield str(_make_folder(lower)), str(upper), str(work), str(target)


def _make_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
